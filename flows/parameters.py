"""The parameters of the loop's flow: what a deployment, Prefect's page or a caller gives, made into
a config and a folder, or refused with the name of what is wrong."""

import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

from flows.config import Config
from flows.load import config_of, load_config
from rounds.errors import UserError
from rounds.home import data_folder

WORKERS = "prefect"
"""Ends the name of the temporary folder in which a process worker starts a flow run."""
RUNNERS = "runner_storage"
"""The temporary folder into which `flow.serve` pulls code."""


def given_config(config: Config | dict[str, Any] | str, overrides: list[str] | None) -> Config:
    """The config that a flow parameter means: a tree of sections, or the name of a file that is
    read now, from the folder that the run works in.

    Raises UserError naming the key that is wrong.
    """
    if isinstance(config, str):
        return load_config(config, overrides)
    if isinstance(config, Config):
        config = config.model_dump(mode="json", exclude_unset=True)
    if not isinstance(config, dict):
        raise UserError(f"config: {config!r:.60}, expected the config's tree or the name of a file")
    return config_of(deepcopy(config), "config", Path.cwd(), overrides)


def check_rounds(rounds: object) -> None:
    """Raise UserError unless it is a number of rounds."""
    if not isinstance(rounds, int) or isinstance(rounds, bool) or rounds < 1:
        raise UserError(f"rounds: {rounds!r:.60}, expected a whole number from 1")


def runs_folder(runs_dir: str | None, runs_base: str | None) -> Path:
    """The folder of the runs: `runs_dir`, which starts from `runs_base` where it is no whole path,
    or `runs_base` itself; that is the folder `runs` of prefloop's own data folder where it is None.

    Never from the current folder: that of a worker is often a clone that lives as long as one flow
    run. Raises UserError for a base that is no whole path, and for a folder in such a clone.
    """
    base = data_folder() / "runs" if runs_base is None else Path(runs_base).expanduser()
    if not base.is_absolute():
        raise UserError(
            f"runs_base: {runs_base} is no whole path, and a worker has no folder to "
            "start it from; give one that begins with /"
        )
    folder = (base / Path(runs_dir or "").expanduser()).resolve()
    if (clone := _of_one_run(folder)) is not None:
        raise UserError(
            f"runs_dir: {folder} is in {clone}, which Prefect removes when this flow run ends, and "
            f"its rounds with it; leave runs_dir out ({data_folder() / 'runs'}), or name a folder "
            "that stays"
        )
    return folder


def _of_one_run(folder: Path) -> Path | None:
    """The folder around it that Prefect makes for one flow run; None where there is none."""
    temporary = Path(tempfile.gettempdir()).resolve()
    if not folder.is_relative_to(temporary) or folder == temporary:
        return None
    first = folder.relative_to(temporary).parts[0]
    ours = first.endswith(WORKERS) and first != WORKERS or first == RUNNERS
    return temporary / first if ours else None
