"""How a training is called where TRL's `report_to` sends it: one run for each round, in one group.

W&B has groups, MLflow experiments, Trackio projects and TensorBoard folders. What the arguments or
the environment say already is left as it is.
"""

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from rounds.folder import run_of
from rounds.ids import digest

KEY_SHOWN = 6
"""Digits of the stage's key in a name."""
TENSORBOARD = "tensorboard"
"""Below the run's logs: a folder for each training, which stays when the round's work goes."""


def tracked(
    args: dict[str, Any],
    folder: Path,
    environment: MutableMapping[str, str],
    key: str,
    variant: str | None = None,
) -> Any:
    """The TRL arguments with names for the training of a round, or for a variant of it, whose
    environment is completed.

    A training that was killed goes on in its own run of W&B and of Trackio; one of another `key`,
    the stage's, by which the round is trained anew after a change of its config, has its own.
    """
    if args.get("report_to") in (None, "none", [], ["none"]):
        return args
    run_dir = run_of(folder)
    parts = [folder.name, key[:KEY_SHOWN], *([variant] if variant else [])]
    run, name = run_dir.name, "-".join([run_dir.name, *parts])
    for variable, value in {
        "WANDB_PROJECT": "prefloop",
        "WANDB_RUN_GROUP": run,
        "WANDB_RUN_ID": digest("wandb", run, *parts, str(run_dir.resolve())),
        "WANDB_RESUME": "allow",
        "MLFLOW_EXPERIMENT_NAME": run,
        "TENSORBOARD_LOGGING_DIR": str((run_dir / "logs" / TENSORBOARD).joinpath(*parts)),
    }.items():
        environment.setdefault(variable, value)
    return {"run_name": name, "project": run, **args}
