"""`prefloop status --watch`: a round under way, or a folder of runs, followed from its files."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rounds.overview import COLUMNS, overview_rows, runs_status
from rounds.report import outcome_text
from rounds.status import run_status, state_lines
from viewer.visible import visible

EVERY = 2.0
"""Seconds between two looks."""


def watch_run(run_dir: Path) -> None:
    """Show the run's state until Ctrl-C: in place on a terminal, else a line where it changes.

    Raises UserError where there is no run.
    """
    _watch(lambda: _table(run_status(run_dir)), lambda: [_line(run_status(run_dir))])


def watch_folder(folder: Path) -> None:
    """The same for every run of a folder. Raises UserError where there is none."""

    def lines() -> list[str]:
        return [_run_line(row) for row in overview_rows(runs_status(folder), datetime.now(UTC))]

    _watch(lambda: overview(f"{folder}, Ctrl-C ends", runs_status(folder), fit=True), lines)


def overview(title: str, runs: list[dict[str, Any]], fit: bool) -> Table:
    """Every run of a folder, one line each. To `fit` a terminal, what a long state says is cut."""
    rows = overview_rows(runs, datetime.now(UTC))
    table = Table(title=Text(visible(title)), title_justify="left", box=None, pad_edge=False)
    table.expand = fit
    for at, name in enumerate(COLUMNS):
        width = max(len(row[at]) for row in rows)
        cut = fit and name == "state"
        table.add_column(
            name,
            overflow="ellipsis",
            no_wrap=True,
            ratio=1 if cut else None,
            min_width=None if cut else width,
        )
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    return table


def _watch(table: Callable[[], Table], lines: Callable[[], list[str]]) -> None:
    console = Console()
    with suppress(KeyboardInterrupt):
        if console.is_terminal:
            with Live(console=console, auto_refresh=False) as live:
                while True:
                    live.update(table(), refresh=True)
                    time.sleep(EVERY)
        said: list[str] = []
        while True:
            now = lines()
            for line in now:
                if line not in said:
                    print(visible(line), flush=True)
            said = now
            time.sleep(EVERY)


def _run_line(row: tuple[str, ...]) -> str:
    """A run of the folder, without its age, which would be another line each time."""
    run, number, stage, state, decision, _ = row
    parts = (f"round {number}" if number else "", stage, state, decision)
    return f"{run}: {', '.join(filter(None, parts))}"


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
