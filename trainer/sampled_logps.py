"""The reference model's log-probabilities that came with the answers.

vLLM reports of each token that it draws how likely the model found it, before temperature,
penalties and top-p (`logprobs_mode: raw_logprobs`). Where the reference is the policy that sampled,
the sums are what DPO's reference model would be loaded for.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

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


class Errors(NamedTuple):
    """How far the sampled sums of a pair's answers lie from the reference's own, nats; tokens."""

    chosen: float
    rejected: float
    chosen_tokens: int
    rejected_tokens: int


def with_sums(rows: Iterable[Mapping[str, Any]], reference_id: str) -> list[dict[str, Any]]:
    """The rows (trainer.tokens.TokenRow) with sampled_chosen_logps and sampled_rejected_logps, the
    summed log-probabilities of their answers under the reference, nats; None where another policy
    sampled them, or nobody, or on another prompt. `logprobs` goes; rows that have the sums already
    stay as they are.
    """
    made = []
    for row in rows:
        if f"sampled_{SIDES[0]}_logps" in row:
            made.append(dict(row))
            continue
        likely = row.get("logprobs", {})
        sums = {
            side: likely[side][1] if side in likely and likely[side][0] == reference_id else None
            for side in SIDES
        }
        kept = {name: value for name, value in row.items() if name != "logprobs"}
        made.append(kept | {f"sampled_{side}_logps": total for side, total in sums.items()})
    return made


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
