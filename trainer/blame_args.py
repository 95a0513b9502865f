"""With which arguments `prefloop blame` trains: short, and as near to the round as that allows."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from rounds.weights import Policy
from trainer.config import TrainerConfig
from trainer.row_counts import batch_size
from trainer.sampled_logps import PER_TOKEN

LORA = {"r": 8, "target_modules": "all-linear"}
FASTER = 10
"""How many times the learning rate of a full training an adapter takes (Schulman et al. 2025, "LoRA
Without Regret")."""
FULL_RATE = 1e-6
"""The learning rate of TRL's DPOConfig."""
BETA = 0.1
"""The beta of TRL's DPOConfig."""
LEAST_STEPS = 16
"""Steps that a training takes at least: an adapter begins at nothing, and the first hardly move it.
"""
KEPT = (
    *("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps"),
    *("gradient_checkpointing", "gradient_checkpointing_kwargs", "bf16", "fp16", "use_cpu"),
    *("model_init_kwargs", "max_length", "max_grad_norm", "optim"),
)
"""Arguments of the round's training that blame's trainings have as well: how it fits the machine,
and how the batch is made."""


def short_args(
    config: TrainerConfig, taken: Mapping[str, Any], policy: Policy, pairs: int
) -> dict[str, Any]:
    """The DPOConfig arguments of a training on so many pairs: the round's own batch, its beta where
    its method is DPO by whole answers (SimPO's, and that of losses by the token, is of another
    size), its learning rate, tenfold where it trained all weights; one epoch, or LEAST_STEPS.

    `taken` are the arguments of the variant that a sweep took.
    """
    given = {**config.args, **taken}
    losses = given.get("loss_type") or []
    losses = {losses} if isinstance(losses, str) else set(losses)
    own_beta = config.method == "dpo" and not losses & PER_TOKEN
    full = config.lora is None and policy.adapter is None
    rate = float(given.get("learning_rate") or FULL_RATE)
    batch = batch_size(given) * int(given.get("gradient_accumulation_steps") or 1)
    batch *= config.processes
    return {
        **{name: given[name] for name in KEPT if name in given},
        "beta": float(given.get("beta") or BETA) if own_beta else BETA,
        "learning_rate": rate * FASTER if full else rate,
        "max_steps": max(LEAST_STEPS, ceil(pairs / batch)),
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
    }
