"""The loop: rounds one after the other. This is what a deployment schedules."""

from pathlib import Path
from typing import Any

from prefect import State, flow

from flows.command import same_command
from flows.failures import waits
from flows.load import load_config
from flows.round import run_round
from flows.session import session
from flows.terminal import print_round
from flows.ticks import skips, take_over
from rounds.errors import Busy


@flow(name="prefloop")
def run_loop(
    config: str = "starter", rounds: int = 1, runs_dir: str = "runs", set: list[str] | None = None
) -> list[str] | State[Any]:
    """Run `rounds` rounds, the one that was begun first, and print the table of each when it is
    finished; returns their folders, or the state named Waiting where one waits for people, or that
    named Skipped where another process works on the run.

    `config` is a file or the name of a shipped example, `set` holds overrides such as
    "sampler.n=8".
    """
    tree = load_config(config, set)
    folders = []
    try:
        with session(tree, Path(runs_dir), same_command(config, rounds, runs_dir, set)) as run:
            take_over(run.lease, run.display)
            for _ in range(rounds):
                folder = run_round(tree, Path(runs_dir))
                if not isinstance(folder, Path):
                    return waits(f"{run.run_dir}: see prefloop status")
                run.display.rest()
                print_round(folder)
                folders.append(str(folder))
    except Busy as busy:
        return skips(busy)
    return folders
