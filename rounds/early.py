"""A gate that stops asking as soon as it is decided: the order of its prompts, and when it stops.

The judge follows it as it asks, and the gate afterwards goes the same way again by the verdicts.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rounds.betting import confidence_sequence, looks, may_still_exceed
from rounds.contests import WORTH
from rounds.ids import digest

STEP = 8
"""Prompts that are asked about at once, between two looks."""

PROMOTE, REFUSE, UNDECIDED = "promote", "refuse", "undecided"


class Early(NamedTuple):
    """When a gate may stop: the lower end of the win rate's confidence sequence must exceed `bar`.

    `most` is how many prompts are asked about at most, None for all of them.
    """

    seed: int
    bar: float
    confidence: float
    most: int | None = None

    @property
    def error_rate(self) -> float:
        """The chance, at most, that a policy whose win rate is the bar or less is promoted."""
        return (1 - self.confidence) / 2

    def horizon(self, prompts: int) -> int:
        """How many of so many prompts may be asked about."""
        return prompts if self.most is None else min(self.most, prompts)


class Stop(NamedTuple):
    """Where a gate stopped: after how many prompts, with what decision, and the sequence's interval
    there. `horizon` is how many it would have asked about at most.
    """

    asked: int
    decision: str
    low: float
    high: float
    horizon: int
    futile: bool


def in_order(prompt_ids: Iterable[str], seed: int) -> list[str]:
    """The prompts in the order in which they are asked about, which the seed alone fixes."""
    return sorted(prompt_ids, key=lambda name: digest("gate order", seed, name))


def worth(outcome: str) -> float:
    """What an outcome counts in a decision: an abstention is a loss."""
    return WORTH.get(outcome, 0.0)


def stopped(values: Sequence[float], rule: Early, prompts: int) -> Stop | None:
    """Where the gate stops by the `values` of the first prompts of the order; None before that.

    Looks after every STEP values. It stops where the interval lies beyond the bar; where all that
    may be asked was; and where nothing that is likely could still promote: not even if the rest
    were won at the interval's upper end. Stopping to refuse costs no error of promotion.
    """
    horizon = rule.horizon(prompts)
    values = values[:horizon]
    bounds = confidence_sequence(values, rule.confidence, horizon)
    for seen in looks(horizon, STEP):
        if seen > len(values):
            return None
        low, high = float(bounds.low[seen - 1]), float(bounds.high[seen - 1])
        if low > rule.bar:
            return Stop(seen, PROMOTE, low, high, horizon, False)
        if high <= rule.bar:
            return Stop(seen, REFUSE, low, high, horizon, False)
        arguments = values[:seen], rule.confidence, horizon, rule.bar, high
        if seen < horizon and not may_still_exceed(*arguments):
            return Stop(seen, REFUSE, low, high, horizon, True)
        if seen == horizon:
            return Stop(seen, UNDECIDED, low, high, horizon, False)
    return Stop(0, UNDECIDED, 0.0, 1.0, horizon, False)
