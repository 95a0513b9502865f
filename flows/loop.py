"""The loop: rounds one after the other. This is what a deployment schedules."""

from pathlib import Path

from prefect import flow

from flows.command import same_command
from flows.load import load_config
from flows.round import run_round
from flows.session import session


@flow(name="prefloop")
def run_loop(
    config: str = "starter", rounds: int = 1, runs_dir: str = "runs", set: list[str] | None = None
) -> list[str]:
    """Run `rounds` rounds, the one that was begun first; returns their folders.

    `config` is a file or the name of a shipped example, `set` holds overrides such as
    "sampler.n=8".
    """
    tree = load_config(config, set)
    with session(tree, Path(runs_dir), same_command(config, rounds, runs_dir, set)):
        return [str(run_round(tree, Path(runs_dir))) for _ in range(rounds)]
