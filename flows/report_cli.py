"""`prefloop report RUN [ROUND] --to FILE`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.terminal import RunFolder, one_message


def report(
    run: RunFolder,
    round: Annotated[
        int | None, typer.Argument(min=1, help="One round; all of the run if not given.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(help="The file to write; RUN.html or RUN-ROUND.html here if not given."),
    ] = None,
) -> None:
    """Write a run, or one round, as one page that opens anywhere: figures, plots, some pairs."""
    with one_message():
        from rounds.errors import UserError
        from rounds.files import unwritable, write_text
        from rounds.folder import open_run

        run_dir = open_run(run).resolve()
        if to is None:
            to = Path(f"{run_dir.name}-{round:04d}.html" if round else f"{run_dir.name}.html")
        if to.is_dir() or (why := unwritable(to.parent)):
            raise UserError(f"--to {to}: {'is a folder' if to.is_dir() else why}")
        from viewer.report import report as page

        write_text(to, page(run_dir, round))
        print(to)
