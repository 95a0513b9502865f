"""What the next round will take of the disk: measured by earlier rounds, or guessed and said so."""

import json
from math import ceil, inf
from pathlib import Path
from typing import Any, NamedTuple

from endpoints.hub import policy_folders
from flows.config import Config
from rounds.disk import free_bytes, size_text
from rounds.files import read_json
from rounds.folder import finished_rounds
from rounds.keep import folder_bytes
from trainer.argument_names import number_of
from trainer.config import TrainerConfig

PER_PROMPT = 20_000
"""Bytes of a prompt's rows and calls, as long as no round has measured them: about four candidates
and seven calls of 2 KB each."""
BYTES = 4
"""A weight in float32, in which policies are trained and saved unless `dtype` says otherwise."""
OPTIMIZER = 2
"""Copies of the weights that AdamW keeps, which a checkpoint holds as well."""
ADAPTER_SHARE = 0.02
"""Of a policy's weights, what a LoRA adapter is guessed to be."""
BATCH, ACCUMULATION, EPOCHS, SAVE_STEPS = 8, 1, 3, 500
"""TRL's own, where the config says nothing."""


class Disk(NamedTuple):
    """Bytes of a round: of its tables and calls, of the new policy, and, until it ends, of `n`
    checkpoints, of the mean of policies that is its `reference` and of the policies of the other
    `variants` of a sweep; `measured`: whether the first are those of the last round. `free` are
    there.
    """

    tables: int
    policy: int
    n: int
    checkpoints: int
    measured: bool
    free: int
    reference: int = 0
    variants: int = 1

    @property
    def most(self) -> int:
        """What the round takes at most at one time."""
        return self.tables + self.variants * self.policy + self.checkpoints + self.reference


def estimate_disk(config: Config, run_dir: Path, prompts: int, pairs: int) -> Disk:
    """The estimate for a round of so many prompts that trains on so many pairs at most."""
    done = finished_rounds(run_dir)
    tables = PER_PROMPT * prompts
    before = measured_prompts(done[-1]) if done else 0
    if before:
        rows = sum(path.stat().st_size for path in done[-1].glob("*.parquet"))
        journal = run_dir / "journal.sqlite"
        calls = journal.stat().st_size / len(done) if journal.exists() else 0
        tables = round((rows + calls) * prompts / before)
    policy = n = checkpoint = reference = 0
    variants = 1
    if config.trainer is not None and config.trains_here:
        policy, checkpoint = _policy_bytes(config, config.trainer, done)
        n = max(checkpoints(config.trainer, args, pairs) for args in config.trainer.variants)
        variants = len(config.trainer.variants)
        if config.trainer.reference == "average" and done:  # in the first round there is one policy
            reference = _weights(policy_folders(str(config.policy.model), None)[0])
    free = free_bytes(run_dir)
    return Disk(tables, policy, n, n * checkpoint, bool(before), free, reference, variants)


def measured_prompts(folder: Path) -> int:
    """The prompts of a finished round; 0 where its metrics do not say."""
    counts = read_json(folder / "metrics.json").get("counts") or {}
    return int(counts.get("prompts", 0))


def checkpoints(trainer: TrainerConfig, args: dict[str, Any], pairs: int) -> int:
    """How many checkpoints TRL leaves at most while it trains on so many pairs by `args`."""
    if args.get("save_strategy") in ("no", False):
        return 0
    batch = number_of(args, "per_device_train_batch_size", BATCH)
    batch *= number_of(args, "gradient_accumulation_steps", ACCUMULATION) * trainer.processes
    an_epoch = ceil(pairs / max(1, batch))
    epochs = number_of(args, "num_train_epochs", EPOCHS)
    steps = ceil(an_epoch * epochs)
    if (most := number_of(args, "max_steps", -1)) > 0:
        steps = int(most)
    if args.get("save_strategy") == "epoch":
        saved = ceil(epochs)
    else:
        every = number_of(args, "save_steps", SAVE_STEPS)
        every = every * steps if every < 1 else every
        saved = int(steps // max(1, every)) + 1  # and the last one
    limit = number_of(args, "save_total_limit", inf)
    return int(min(saved, limit + 1))  # the new one comes before one goes


def disk_text(disk: Disk) -> str:
    """The estimate in words."""
    known = "as measured" if disk.measured else "a guess until a round has measured them"
    text = f"about {size_text(disk.most)}: tables and calls {size_text(disk.tables)} ({known})"
    if disk.policy:
        text += f", the policy {size_text(disk.policy)}"
    if disk.variants > 1:
        others = size_text((disk.variants - 1) * disk.policy)
        text += f", until the round ends {disk.variants - 1} variants that are not taken {others}"
    if disk.n:
        text += f", until the round ends {disk.n} checkpoints of {size_text(disk.checkpoints)}"
    if disk.reference:
        text += f", until the round ends the mean of policies {size_text(disk.reference)}"
    short = "" if disk.most <= disk.free else ", which is not enough"
    return f"{text}; {size_text(disk.free)} free{short}"


def _policy_bytes(config: Config, trainer: TrainerConfig, done: list[Path]) -> tuple[int, int]:
    """Bytes of the policy that is trained, and of a checkpoint of it."""
    model, adapter = policy_folders(str(config.policy.model), config.policy.adapter)
    weights = _weights(model)
    saved = next((folder / "policy" for folder in reversed(done) if _there(folder)), None)
    if saved is not None:
        policy = folder_bytes(saved)
    elif adapter is not None:
        policy = folder_bytes(adapter)
    elif trainer.lora is not None:
        policy = round(ADAPTER_SHARE * weights)
    else:
        policy = weights
    return policy, (1 + OPTIMIZER) * policy


def _there(folder: Path) -> bool:
    return (folder / "policy").is_dir()


def _weights(model: Path) -> int:
    """Bytes of a model's weights in float32, from the heads of its safetensors."""
    total = 0
    for path in model.glob("*.safetensors"):
        with path.open("rb") as file:
            head: dict[str, Any] = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        for name, tensor in head.items():
            count = 1
            for size in tensor.get("shape", ()) if name != "__metadata__" else (0,):
                count *= size
            total += BYTES * count
    return total
