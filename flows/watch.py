"""`prefloop status RUN --watch`: a round under way, followed from its folder alone."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rounds.report import outcome_text
from rounds.status import run_status, state_lines
from viewer.visible import visible

EVERY = 2.0
"""Seconds between two looks."""


def watch_run(run_dir: Path) -> None:
    """Show the run's state until Ctrl-C: in place on a terminal, else a line where it changes.

    Raises UserError where there is no run.
    """
    console = Console()
    with suppress(KeyboardInterrupt):
        if console.is_terminal:
            with Live(console=console, auto_refresh=False) as live:
                while True:
                    live.update(_table(run_status(run_dir)), refresh=True)
                    time.sleep(EVERY)
        said = ""
        while True:
            line = _line(run_status(run_dir))
            if line != said:
                print(visible(line), flush=True)
            said = line
            time.sleep(EVERY)


def _table(state: dict[str, Any]) -> Table:
    table = Table(
        title=Text(visible(f"{state['run']}, Ctrl-C ends")), title_justify="left", show_header=False
    )
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for metrics in state["rounds"]:
        table.add_row(f"round {metrics['round']}", Text(visible(outcome_text(metrics))))
    if under_way := state["under_way"]:
        table.add_row(f"round {under_way['round']}", "under way")
        for what, value in state_lines(under_way):
            table.add_row(what, Text(visible(value)))
    else:
        table.add_row("under way", "nothing")
    return table


def _line(state: dict[str, Any]) -> str:
    if under_way := state["under_way"]:
        facts = dict(state_lines(under_way))
        shown = facts.get("stopped") or facts.get("progress") or f"next {facts['next']}"
        return f"round {under_way['round']}: {shown}"
    if state["rounds"]:
        last = state["rounds"][-1]
        return f"round {last['round']} finished: {outcome_text(last)}"
    return "no round has begun"
