"""A training that falls apart into NaN or infinity ends: its policy would answer nothing."""

import math
from typing import Any

import torch
from transformers import TrainerCallback

from rounds.errors import UserError

HELP = (
    "the pairs are kept and nothing was taken over; a lower trainer.args.learning_rate usually "
    "helps, or max_grad_norm, a higher beta, bf16 in the place of fp16"
)


class StopAtNotANumber(TrainerCallback):
    """Ends the training at the first logged step whose loss or gradient is not a finite number."""

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        # where weights are scaled for fp16, an infinite gradient is skipped and is no fault
        for name in ("loss",) if args.fp16 else ("loss", "grad_norm"):
            value = (logs or {}).get(name)
            if isinstance(value, float) and not math.isfinite(value):
                what = "gradient" if name == "grad_norm" else name
                raise UserError(_fault(f"its {what} is {value} by step {state.global_step}"))


def check_weights(trainer: Any) -> None:
    """Raise UserError where a trained weight is NaN or infinite at the end."""
    for name, weight in trainer.model.named_parameters():
        # of weights that are spread over processes each looks at its own
        own = weight.to_local() if hasattr(weight, "to_local") else weight
        if weight.requires_grad and not torch.isfinite(own).all():
            step = trainer.state.global_step
            raise UserError(_fault(f"{name} holds NaN or infinity after step {step}"))


def _fault(what: str) -> str:
    return f"the training fell apart: {what}; {HELP}"
