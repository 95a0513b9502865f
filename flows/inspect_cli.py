"""`prefloop inspect RUN`: the pages of a run in a browser."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.terminal import RunFolder, one_message


def inspect(
    run: RunFolder,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address.")
    ] = False,
) -> None:
    """Look into a run on a local page: rounds, judged pairs, every call; compare and label."""
    with one_message():
        from rounds.folder import open_run
        from viewer.serve import inspect_run

        inspect_run(open_run(run).resolve(), port, not no_browser, what_if)


def what_if(run_dir: Path, number: int, overrides: list[str]) -> dict[str, Any]:
    """A round by other settings, as `prefloop whatif` derives it, with its lines."""
    from flows.whatif.derive import derive
    from flows.whatif.text import whatif_lines

    found = derive(run_dir, number, overrides)
    return {**found, "lines": whatif_lines(found)}
