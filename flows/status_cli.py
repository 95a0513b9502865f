"""`prefloop status`: a run's rounds and the one under way; every run of a folder in one line."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.terminal import AsJson, one_message, print_json, print_table

WIDE = 1000
"""Columns of a line in a log, which nobody cuts off."""


def status(
    run: Annotated[
        Path, typer.Argument(help="A run folder, such as runs/starter, or a folder of runs.")
    ],
    json: AsJson = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow what is under way until Ctrl-C; reads only.")
    ] = False,
) -> None:
    """Show every round of a run and how far the one under way is, or every run of a folder."""
    with one_message():
        if not (run / "run.yaml").exists() and any(run.glob("*/run.yaml")):
            _of_folder(run, json, watch)
        elif watch:
            from flows.watch import watch_run

            watch_run(run)
        else:
            from rounds.status import run_status

            state = run_status(run)
            if json:
                print_json(state)
            else:
                print_status(state)


def _of_folder(folder: Path, json: bool, watch: bool) -> None:
    if watch:
        from flows.watch import watch_folder

        watch_folder(folder)
        return
    from rounds.overview import runs_status

    runs = runs_status(folder)
    if json:
        print_json(runs)
    else:
        from rich.console import Console

        from flows.watch import overview

        fit = Console().is_terminal
        Console(width=None if fit else WIDE).print(overview(str(folder), runs, fit))


def print_status(state: dict[str, Any]) -> None:
    """Every round's table, then what is under way."""
    from rounds.report import round_lines
    from rounds.status import state_lines

    if not state["rounds"] and not state["under_way"]:
        print(f"{state['run']}: no round has begun yet")
    for metrics in state["rounds"]:
        print_table(f"{state['run']}, round {metrics['round']}", round_lines(metrics))
    if state["policy"]:
        print(f"\npolicy in place  {state['policy']['policy_id']}  {state['policy']['model']}")
    for one in state["by_hand"]:
        told = f"{one['action']} by {one['by']} at {one['at']}: {one['why']}"
        print(f"after round {one['after']}  {told}  ({one['policy']['policy_id']})")
    if under_way := state["under_way"]:
        print_table(
            f"{state['run']}, round {under_way['round']}, under way", state_lines(under_way)
        )
