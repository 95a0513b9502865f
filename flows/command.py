"""The command behind a run, as a manifest and a card give it."""

import shlex
import sys


def typed() -> str:
    """The command line that this process was given."""
    return shlex.join(["prefloop", *sys.argv[1:]])


def same_command(config: str, rounds: int, runs_dir: str, overrides: list[str] | None) -> str:
    """The command that does what a run of the deployment does."""
    words = ["prefloop", "run", config, "--rounds", str(rounds), "--runs-dir", runs_dir]
    for override in overrides or []:
        words += ["--set", override]
    return shlex.join(words)
