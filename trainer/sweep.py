"""A sweep: variants of one training on the same pairs, of which one becomes the round's policy.

Every variant has a folder of its own with training.json or fault.json as its last file, so that a
kill loses one of them at most. What they share is prepared once. Which one was taken is written
down before its policy is moved.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.ids import digest
from rounds.stages import Progress, silent
from trainer.config import TrainerConfig
from trainer.memory import ran_out
from trainer.variants import (
    LEAST_HELD_OUT,
    Rated,
    best_of,
    highest,
    setting_text,
    settings_of,
    standard_error,
)

TRAINING, PREPARING = "trainer.train_child", "trainer.shared_rows"
OF_LAUNCH = ("trainer.ray", "trainer.accelerate")
"""Begin what is wrong with how trainings are launched, which is no variant's fault."""

FREE = {
    *("beta", "loss_type", "loss_weights", "label_smoothing", "use_weighting", "discopop_tau"),
    *("cpo_alpha", "simpo_gamma", "learning_rate", "lr_scheduler_type", "warmup_ratio"),
    *("warmup_steps", "num_train_epochs", "max_steps", "weight_decay", "max_grad_norm", "seed"),
    *("gradient_accumulation_steps", "optim"),
}
"""Arguments on which no reference log-probability depends: variants that differ in these share
them. Those that differ in another one prepare rows, and a pass over them, of their own.
"""


class Child(Protocol):
    """Runs a module of ours on a job file, to its end."""

    def __call__(self, module: str, told: Path, shown: Progress = silent) -> None:
        """Raises UserError for what the user can put right, as `run_child` does."""


def too_few_to_choose(config: TrainerConfig, own: int) -> str | None:
    """Why a round of `own` pairs has no sweep, though the config names one."""
    held_out = int(own * config.held_out_pairs)
    if config.sweep is None or held_out >= LEAST_HELD_OUT:
        return None
    return (
        f"trainer.sweep was left out and its first variant trained: {held_out} held-out pairs tell "
        f"no variants apart, it takes {LEAST_HELD_OUT}"
    )


def swept(
    job: Mapping[str, Any],
    variants: Sequence[dict[str, Any]],
    sweep: Any,
    work: Path,
    target: Path,
    child: Child,
    progress: Progress,
) -> tuple[Path, dict[str, Any]]:
    """Train every variant (the whole arguments of each) in `work`; where the policy of the one that
    is taken lies, and what its training says, with the table of all under `sweep`.

    `target` is where the policy goes. A variant whose training falls apart is out of it; raises
    UserError where all do, and where no training can be launched. One that ran out of memory is
    tried again while none is chosen: there may be more of it now.
    """
    folders = [work / "variants" / digest(args) for args in variants]
    chosen = work / f"chosen-{digest(variants)}.json"
    if chosen.exists() and not target.exists():
        place = read_json(chosen)
        if not (folders[place] / "policy").exists():  # the policy was lost since
            shutil.rmtree(folders[place])
            chosen.unlink()
    settings = settings_of(sweep)
    if not chosen.exists():
        for folder in folders:
            if (fault := folder / "fault.json").exists() and ran_out(read_json(fault)):
                fault.unlink()
        for number, (folder, args) in enumerate(zip(folders, variants, strict=True)):
            note = f"{number + 1} of {len(variants)}: {setting_text(settings[number])}"
            _train_variant(folder, {**job, "args": args}, work, child, _named(progress, note))
        place = best_of([_rated(folder) for folder in folders])
        if place is None:
            fault = read_json(folders[0] / "fault.json")
            for folder in folders:  # the same command tries them again
                (folder / "fault.json").unlink()
            raise UserError(f"trainer.sweep: every variant fell apart, the first: {fault}")
        for other in work.glob("chosen-*.json"):  # of another list, whose policy goes
            other.unlink()
        write_json(chosen, place)
    place = read_json(chosen)
    rows = [_row(setting, folder) for setting, folder in zip(settings, folders, strict=True)]
    measured = [one for one in map(_rated, folders) if one.accuracy is not None]
    error = standard_error(highest(measured)) if measured else None
    table = {"variants": rows, "taken": place, "standard_error": error}
    facts = read_json(folders[place] / "training.json")
    return folders[place] / "policy", {**facts, "sweep": table}


def _train_variant(
    folder: Path, job: dict[str, Any], work: Path, child: Child, progress: Progress
) -> None:
    """Train one variant, unless that is done, or it fell apart."""
    told, saved, trained = folder / "job.json", folder / "policy", folder / "training.json"
    if (folder / "fault.json").exists() or (trained.exists() and saved.exists()):
        return
    trained.unlink(missing_ok=True)
    fixed = {name: value for name, value in job["args"].items() if name not in FREE}
    shared = work / "shared" / digest(fixed)
    write_json(told, {**job, "shared": str(shared), "out": str(saved)})
    if not shared.exists():
        progress(0, 0, "pairs as ids")
        child(PREPARING, told)
    progress(0, 0, "loading the policy")
    try:
        child(TRAINING, told, progress)
    except UserError as error:
        if str(error).startswith(OF_LAUNCH):
            raise
        write_json(folder / "fault.json", str(error))
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # large


def _rated(folder: Path) -> Rated:
    if (folder / "fault.json").exists():
        return Rated(None, 0, read_json(folder / "fault.json"))
    facts = read_json(folder / "training.json")
    return Rated(facts.get("held_out_accuracy"), facts.get("held_out_n") or 0)


def _row(setting: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A variant's row of the table."""
    rated = _rated(folder)
    facts = {} if rated.fault else read_json(folder / "training.json")
    curves = facts.get("curves") or [{}]
    return {
        "args": setting,
        "held_out_accuracy": rated.accuracy,
        "held_out_n": rated.n,
        "kl_per_token": facts.get("kl_per_token"),
        "loss": curves[-1].get("loss"),
        "steps": facts.get("steps"),
        "fault": rated.fault,
    }


def _named(progress: Progress, name: str) -> Progress:
    """The progress of one variant."""

    def shown(done: int, total: int, note: str = "") -> None:
        progress(done, total, f"variant {name}{note and ', ' + note}")

    return shown
