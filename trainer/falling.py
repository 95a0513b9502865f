"""Whether the chosen answers became less likely while the rejected ones fell faster.

DPO is content with a growing margin; that both sides fall is common, and takes the policy to
answers that nobody preferred (DPO-Positive, arXiv 2402.13228; likelihood displacement, arXiv
2410.08847).
"""

from collections.abc import Mapping, Sequence
from typing import Any

FELL = 0.05
"""Nats a token below the reference: each token of a chosen answer is 5 % less likely."""
LAST = 4
"""The last so many-th part of what was logged is the end of a training."""


def chosen_against_reference(
    curves: Sequence[Mapping[str, Any]], beta: float, tokens: float
) -> float | None:
    """How much more likely the chosen answers are than under the reference at the end of the
    training, nats a token; None where TRL logged no rewards. `tokens` is their mean length.

    TRL's rewards are beta times the log-ratio of a whole answer.
    """
    rewards = [each["rewards/chosen"] for each in curves if each.get("rewards/chosen") is not None]
    if not rewards or not beta or not tokens:
        return None
    end = rewards[-max(1, len(rewards) // LAST) :]
    return float(sum(end) / len(end) / beta / tokens)


def fell_warning(nats: float | None, losses: Sequence[str], mixes: bool = True) -> list[str]:
    """The warning, where the chosen answers fell that far. `mixes` says whether the method takes
    several losses.
    """
    if nats is None or not nats < -FELL:
        return []
    if not mixes:
        remedy = "raise trainer.args.desirable_weight or beta"
    elif "sft" in losses:
        remedy = "raise the weight of sft in loss_weights"
    else:
        remedy = (
            "an SFT term is the usual remedy: trainer.args.loss_type: [sigmoid, sft] with "
            "loss_weights: [1.0, 0.2]"
        )
    return [
        f"the chosen answers became less likely: {-nats:.2f} nats a token below the reference at "
        f"the end of the training; {remedy}"
    ]
