"""`prefloop report RUN [ROUND] --to report.html`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.terminal import RunFolder, one_message


def report(
    run: RunFolder,
    round: Annotated[
        int | None, typer.Argument(min=1, help="One round; all of the run if not given.")
    ] = None,
    to: Annotated[Path, typer.Option(help="The file to write.")] = Path("report.html"),
) -> None:
    """Write a run, or one round, as one page that opens anywhere: figures, plots, some pairs."""
    with one_message():
        from rounds.errors import UserError
        from rounds.files import unwritable, write_text
        from rounds.folder import open_run

        run_dir = open_run(run).resolve()
        if to.is_dir() or (why := unwritable(to.parent)):
            raise UserError(f"--to {to}: {'is a folder' if to.is_dir() else why}")
        from viewer.report import report as page

        write_text(to, page(run_dir, round))
        print(to)
