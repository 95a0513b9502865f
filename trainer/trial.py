"""The trial: the training in small, before anything is spent on labels for it.

What TRL, peft and transformers refuse together, in a training, in saving it and in going on from
it, no check of names can know.
"""

from pathlib import Path
from typing import Any, NamedTuple

from endpoints.children import run_child
from rounds.files import read_json, write_json
from rounds.ids import digest
from rounds.weights import Policy
from trainer.config import TrainerConfig
from trainer.settings_files import settings_hash
from trainer.stage import launcher, with_label_smoothing

ROUNDS = 2
"""Rounds that are tried at most: the second goes on from what the first has saved."""

NO_MATTER = {"held_out_pairs", "warm_start", "replay", "weights", "trial", "kto", "preset"}
"""Keys of the trainer section that say what it is trained on, and not how."""


class Tried(NamedTuple):
    """The policy in small that a trial left, or None and why this one cannot be made small.

    `alike` says that it is, but for the values of its weights, what it was made from in small.
    """

    policy: Policy | None
    reason: str
    alike: bool = False


def try_training(folder: Path, config: TrainerConfig, policy: Policy) -> Tried:
    """Train the policy in small, two layers of its own config, for a step or two.

    Everything is written below `folder`, which is laid out as a round's. Raises UserError naming
    the key for what does not work.
    """
    work = folder / "work" / "train"
    job = work / "job.json"
    launched = config.accelerate is not None or config.ray is not None
    args, *others = (with_label_smoothing(one, 0.1) for one in config.variants)
    told = {
        "method": config.method,
        "policy": policy._asdict(),
        "reference": config.reference,
        "args": {"seed": 0, **args},
        "variants": [{"seed": 0, **one} for one in others],
        "lora": config.lora,
        "held_out": config.held_out_pairs > 0,
        "rounds": 1 if launched else ROUNDS,
        "processes": (config.accelerate or {}).get("num_processes"),
    }
    write_json(job, told)
    log = folder.parent.parent / "logs" / f"{folder.name}-trainer.log"
    if launched:  # its processes must not all write one folder
        run_child("trainer.small_policy", job, log, lambda _: None)
    if not (work / "tried.json").exists():
        run_child("trainer.trial_child", job, log, lambda _: None, launcher(config))
    tried: dict[str, Any] = read_json(work / "tried.json")
    made = Policy(**tried["policy"]) if tried["policy"] else None
    return Tried(made, tried["reason"] or "", tried.get("alike", False))


def training_hash(config: TrainerConfig, policy: Path, adapter: Path | None) -> str:
    """16 hex digits over what a trial of the training depends on: its arguments, and what lies
    beside the weights of the run's first policy. Policies trained from it are saved by the trial.
    """
    folders = [policy] if adapter is None else [policy, adapter]
    return digest(config.keyed(NO_MATTER), *map(settings_hash, folders))
