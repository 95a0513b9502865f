"""Where Prefect, vLLM, Triton and the Hugging Face libraries keep files: the home folder, or, where
nothing can be written there, a folder beside the runs.
"""

import os
from pathlib import Path

from rounds.errors import UserError
from rounds.files import unwritable

INSTEAD = ".home"
"""The folder beside the runs."""

KEPT = {
    "PREFECT_HOME": "prefect",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
    "TRITON_HOME": "",
    "FLASHINFER_WORKSPACE_BASE": "",
}
"""The variables that say where, and the folder for each below INSTEAD."""

READ = {
    "HF_HUB_CACHE": ".cache/huggingface/hub",
    "HF_TOKEN_PATH": ".cache/huggingface/token",
    "PREFECT_PROFILES_PATH": ".prefect/profiles.toml",
}
"""What can still be read in a home folder that cannot be written, by the variable that says so."""


def data_folder() -> Path:
    """Where prefloop keeps what a user is to find again whatever folder a run was started from:
    `prefloop` in the user's data folder, as the XDG base directories name it.
    """
    named = os.environ.get("XDG_DATA_HOME", "")
    data = Path(named) if os.path.isabs(named) else Path(os.path.expanduser("~/.local/share"))
    return data / "prefloop"


def check_runs_dir(run_dir: Path) -> None:
    """Raise UserError unless the run folder can be written, or made."""
    if why := unwritable(run_dir):
        raise UserError(f"{run_dir}: cannot be written ({why}); choose --runs-dir")


def usable_home(runs_dir: Path) -> str | None:
    """Let libraries keep their files beside the runs where the home folder cannot be written.

    Sets environment variables that are not set, so it comes before the libraries are imported.
    Returns a sentence about it, or None. Raises UserError where the runs cannot be written either.
    """
    home, instead = Path(os.path.expanduser("~")), runs_dir.resolve() / INSTEAD
    why = unwritable(home) if home.is_absolute() else "this user has none"
    if why is None:
        return None
    check_runs_dir(runs_dir.resolve())
    for name, at in READ.items():
        if "HF_HOME" not in os.environ and (home / at).exists():
            os.environ.setdefault(name, str(home / at))
    for name, at in KEPT.items():
        os.environ.setdefault(name, str(instead / at))
    return (
        f"the home folder cannot be written ({why}): Prefect, vLLM and Hugging Face keep their "
        f"files in {instead}, or where their own variables say"
    )
