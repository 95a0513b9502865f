"""How sure a judge has to be to be right often enough: a threshold from labelled pairs.

A share of right pairs that was measured is not yet the share among the pairs to come: the smallest
threshold with enough right pairs is picked for its luck, too. The rule `bound` promises: with
CONFIDENCE the accuracy beyond its threshold is the one asked for (selective risk control, Geifman
and El-Yaniv 2017, arXiv 1705.08500; the tests in fixed sequences of Learn then Test, arXiv
2110.01052). The rule `point` promises nothing.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf
from typing import NamedTuple

import numpy as np

from judge.health.config import FromGold
from rounds.errors import UserError
from rounds.rates import binomial_tail, lower_bound
from rounds.reliability import EDGES, Case
from rounds.verdicts import by_judge, settle, settle_one_judge

CONFIDENCE = 0.9
"""How sure it is, one-sided, that the accuracy beyond a threshold is the one asked for."""

STARTS = 4
"""Sequences of tests, which share the risk: one that starts at the few surest pairs ends at their
first bad luck, one that starts further down does not meet it."""

WAYS_OUT = "or give judge.tau as a number"


class ThresholdRange(NamedTuple):
    """Thresholds, beyond `low` up to `high`, at which a pair is decided, and whether rightly."""

    low: float
    high: float
    right: bool
    has_probability: bool


class Tried(NamedTuple):
    """A threshold, how many pairs are decided there, and how many of them rightly."""

    tau: float
    n: int
    right: int


def threshold(cases: list[Case], wanted: FromGold, min_n: int) -> float:
    """The smallest threshold at which at least `min_n` pairs are decided and `wanted` holds.

    Raises UserError where there is none.
    """
    tried = _thresholds(cases, min_n)
    if good := passing(tried, wanted):
        return min(good)
    if wanted.rule == "point":
        best = max(tried, key=lambda one: (one.right / one.n, one.tau))
        what = f"the best is {best.right / best.n:.3f} at {best.tau:.3f} ({best.n} pairs)"
        ways = "take a better judge, ask for less"
    else:
        downward, starts = sorted(tried, reverse=True), _starts(tried)
        sure = 1 - (1 - CONFIDENCE) / len(starts)
        first = [downward[start] for start in starts]  # the others were not tested
        bounds = [(lower_bound(one.right, one.n, sure), one) for one in first]
        low, best = max(bounds)
        share = f"{best.right / best.n:.3f} at {best.tau:.3f} ({best.n} pairs)"
        what = f"the best is {share}, which shows {low:.3f} (one-sided, at {sure:g})"
        ways = (
            "label more pairs, take a better judge, ask for less, "
            f"from_gold({wanted.accuracy:g}, point) for what was measured alone"
        )
    raise UserError(
        f"judge.tau: no threshold makes the judge right on {wanted.accuracy:g} of the gold pairs; "
        f"{what}; {ways}, {WAYS_OUT}"
    )


def passing(tried: Sequence[Tried], wanted: FromGold) -> list[float]:
    """The thresholds at which what is wanted holds."""
    if wanted.rule == "point":
        return [one.tau for one in tried if one.right / one.n >= wanted.accuracy]
    return _bounded(tried, wanted.accuracy)


def _bounded(tried: Sequence[Tried], accuracy: float) -> list[float]:
    """The thresholds that tests in fixed sequences, from high ones down, let pass.

    Each test asks whether so many right pairs would come up by chance if the accuracy were below
    (exact binomial); a sequence ends at the first that does not pass, so that it may miss no more
    often than one test.
    """
    downward = sorted(tried, reverse=True)
    starts = _starts(tried)
    passed: list[float] = []
    for start in starts:
        for one in downward[start:]:
            if binomial_tail(one.right, one.n, accuracy) > (1 - CONFIDENCE) / len(starts):
                break
            passed.append(one.tau)
    return passed


def _starts(tried: Sequence[Tried]) -> list[int]:
    """Where the sequences begin, as places from the highest threshold down."""
    return sorted({number * len(tried) // STARTS for number in range(STARTS)})


def _thresholds(cases: list[Case], min_n: int) -> list[Tried]:
    """Every threshold that decides differently, lowest first, while it decides enough pairs."""
    ranges = [decided for case in cases for decided in _decided_at(case)]
    at_lowest = [decided for decided in ranges if decided.low < EDGES[0] <= decided.high]
    if at_lowest and not any(decided.has_probability for decided in at_lowest):
        raise UserError(
            "judge.tau: from_gold needs probabilities, and the judge gave none on the gold pairs "
            f"that it decided ({len(at_lowest)}); let the endpoint give logprobs, {WAYS_OUT}"
        )
    if len(at_lowest) < min_n:
        raise UserError(
            f"judge.tau: from_gold rests on {min_n} decided pairs (judge.gold.min_n), and the "
            f"judge decided {len(at_lowest)} of {len(cases)}; label more pairs, {WAYS_OUT}"
        )
    low = np.array([decided.low for decided in ranges])
    high = np.array([decided.high for decided in ranges])
    right = np.array([decided.right for decided in ranges])
    tried: list[Tried] = []
    for tau in sorted({EDGES[0], *high[np.isfinite(high)]}):
        decided_here = (low < tau) & (tau <= high)
        n = int(decided_here.sum())
        if n < min_n:
            break  # a higher threshold decides no more
        tried.append(Tried(float(tau), n, int((decided_here & right).sum())))
    return tried


def _decided_at(case: Case) -> Iterator[ThresholdRange]:
    """Where a pair is decided: that changes only where one of its judges is just sure enough."""
    without_threshold = [row | {"threshold": EDGES[0]} for row in case.verdicts]
    votes = [settle_one_judge(rows) for rows in by_judge(without_threshold).values()]
    confidences = {
        max(vote.probability, 1 - vote.probability)
        for vote in votes
        if vote.outcome in ("a", "b") and vote.probability is not None
    }
    for low, high in pairwise([0.0, *sorted(confidences), inf]):
        settled = settle([row | {"threshold": high} for row in case.verdicts])
        if settled.outcome in ("a", "b"):
            right, given = settled.outcome == case.label, settled.probability is not None
            yield ThresholdRange(low, high, right, given)
