"""Weights and decisions that several processes share: what each has to see as the others do."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from accelerate import PartialState
from accelerate.utils import DistributedType, broadcast_object_list
from torch import distributed

from rounds.errors import UserError
from trainer.sharding_names import LOADING, OF_ZEROS, PRECOMPUTED

T = TypeVar("T")
SHARDING = {
    "ACCELERATE_USE_FSDP": "FSDP (trainer.accelerate.use_fsdp: or trainer.args.fsdp:)",
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed (trainer.accelerate.use_deepspeed: or trainer.args."
    "deepspeed:)",
}
"""What accelerate is told to shard by, in the environment, and under which keys."""
WHOLE = (DistributedType.NO, DistributedType.MULTI_CPU)
"""Kinds of launch in which every process holds all weights."""


def parting(main: Callable[[Path], None]) -> Callable[[Path], None]:
    """`main`, after which this process lets go of the others: torch's threads that speak with them
    may want Python while it ends, and abort a process whose work is done.
    """

    def run(job_path: Path) -> None:
        main(job_path)
        if distributed.is_initialized():
            distributed.destroy_process_group()

    return run


def as_main_sees(trainer: Any, look: Callable[[], T]) -> T:
    """What the first process sees, for all of them: a shared storage may show the others for a
    while what was there before, and processes that decide otherwise wait for each other for ever.
    """
    seen = [look() if trainer.accelerator.is_main_process else None]
    found: T = broadcast_object_list(seen)[0]
    return found


def is_sharded(trainer: Any) -> bool:
    """Whether each process has a part of every tensor."""
    return bool(trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled)


def asks_to_shard(config: Any) -> bool:
    """Whether a training with these arguments of TRL's is to shard, by them or by its launch."""
    launched = any(os.environ.get(name) == "true" for name in SHARDING)
    return bool(launched or config.fsdp or config.deepspeed)


def check_sharded(method: str, config: Any) -> None:
    """Raise UserError for what no config may have shown, but accelerate now knows: that it was told
    to shard and would not (on a CPU it fails, or holds whole copies without a word), and that TRL
    would precompute for several processes.
    """
    several = method == "kto" and PartialState().num_processes > 1
    if getattr(config, "precompute_ref_log_probs", False) and (several or asks_to_shard(config)):
        raise UserError(PRECOMPUTED)
    for name, asked in SHARDING.items():
        if os.environ.get(name) == "true" and PartialState().distributed_type in WHOLE:
            raise UserError(
                f"{asked} accelerate shards over GPUs alone, and every process here would hold all "
                "weights; leave it out, or train where there is a GPU for each process"
            )


def check_reference(trainer: Any) -> None:
    """Raise UserError where the reference is of zeros by what no config shows, such as a file of
    accelerate's.
    """
    plugin = getattr(trainer.accelerator.state, "fsdp_plugin", None)
    if getattr(trainer, "ref_model", None) is None or plugin is None:
        return
    if plugin.fsdp_version == 2 and plugin.cpu_ram_efficient_loading:
        raise UserError(f"trainer.accelerate.fsdp_{LOADING}: false is wanted: {OF_ZEROS}")


def gather_whole(trainer: Any) -> None:
    """Let the weights be saved whole, whatever the checkpoints hold: FSDP's other kind saves none
    that a folder of transformers could have.
    """
    if trainer.is_fsdp_enabled:
        trainer.accelerator.state.fsdp_plugin.set_state_dict_type("FULL_STATE_DICT")
