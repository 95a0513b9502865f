"""`prefloop inspect RUN`: the pages of a run in a browser."""

from typing import Annotated

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

        inspect_run(open_run(run).resolve(), port, not no_browser, None)
