"""The reference model's log-probabilities that came with the answers.

vLLM reports of each token that it draws what the model gave it before temperature, penalties and
top-p (`logprobs_mode: raw_logprobs`). Where the reference is the policy that sampled, their sums are
what DPO's reference model would be loaded for.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypedDict

from trainer.rows import TrainingRow

TOLERANCE = 0.05
"""How far, as a root mean square over pairs, the sampled sums may lie from the reference's own, in
units of what the loss takes the sigmoid of (beta times a log-ratio).

An error of e there moves the weight with which a pair teaches by e/4 at most, of one half at the
first step: 0.05 is 2.5 % of it. float32 on one machine is near 1e-5; bfloat16 in vLLM lies between.
"""
FEWEST, MOST = 4, 32
"""Pairs on which that is measured: a tenth of those there are, within these."""
PER_TOKEN = {"ipo", "sigmoid_norm"}
"""Losses that divide a log-ratio by the answer's tokens."""
SIDES = ("chosen", "rejected")


class Sums(TypedDict):
    """Summed log-probabilities of a pair's answers under the reference, nats; None if unknown."""

    sampled_chosen_logps: float | None
    sampled_rejected_logps: float | None


class Errors(NamedTuple):
    """How far the sampled sums of a pair's answers lie from the reference's own, nats; tokens."""

    chosen: float
    rejected: float
    chosen_tokens: int
    rejected_tokens: int


def sampled_sums(row: TrainingRow, reference_id: str) -> Sums:
    """The sums that came with a pair's answers, if the reference sampled both of them on the prompt
    that is trained on.
    """
    known = {
        side: total
        for side in SIDES
        if (found := row["logprobs"].get(side)) is not None
        for policy_id, total in [found]
        if policy_id == reference_id
    }
    return {
        "sampled_chosen_logps": known.get("chosen"),
        "sampled_rejected_logps": known.get("rejected"),
    }


def why_not_sampled(args: Any) -> str | None:
    """Why a loss of these DPOConfig arguments cannot be given sums; None where it can.

    All of TRL's losses take the reference's log-probability of whole answers, f-divergences and
    `use_weighting` (which weighs by the policy alone) included, but for one argument.
    """
    if args.ld_alpha is not None:
        return "ld_alpha weighs the tokens of an answer by where its partner ends"
    return None


def rows_to_measure(known: Sequence[int]) -> list[int]:
    """Which of the rows that have sums are measured: spread over all of them."""
    wanted = min(len(known), max(FEWEST, min(MOST, len(known) // 10)))
    return [known[place * len(known) // wanted] for place in range(wanted)]


def logit_error(errors: Iterable[Errors], beta: float, losses: Iterable[str]) -> float:
    """The root mean square over pairs of what the loss is given wrong."""
    per_token = set(losses) <= PER_TOKEN
    squares = []
    for one in errors:
        chosen, rejected = one.chosen, one.rejected
        if per_token:
            chosen /= max(1, one.chosen_tokens)
            rejected /= max(1, one.rejected_tokens)
        squares.append((beta * max(abs(chosen), abs(rejected), abs(chosen - rejected))) ** 2)
    return float((sum(squares) / len(squares)) ** 0.5) if squares else 0.0
