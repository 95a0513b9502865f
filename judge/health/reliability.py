"""How often a judge is right, and how sure it has to be to be right often enough."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from math import inf
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from judge.health.agreement import kappa
from rounds.errors import UserError
from rounds.rates import rate
from rounds.rows import Verdict
from rounds.verdicts import Settled, by_judge, settle, settle_one_judge

EDGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Of the reliability curve's bins; the first is the lowest threshold."""

WAYS_OUT = "or give judge.tau as a number"


class Case(NamedTuple):
    """A labelled pair (a, b or tie) and the verdict rows on it."""

    label: str
    verdicts: list[Verdict]


class ThresholdRange(NamedTuple):
    """Thresholds, beyond `low` up to `high`, at which a pair is decided, and whether rightly."""

    low: float
    high: float
    right: bool
    has_probability: bool


def gold_measures(cases: list[Case]) -> dict[str, Any]:
    """What verdicts on labelled pairs say of a judge.

    accuracy: of the pairs it decided for a or b (wrong where the label is tie). single_order: of
    its readable verdicts one by one. yield: decided of all. sensitivity and specificity: decided
    rightly, of the decided pairs labelled a and labelled b (arXiv 2511.21140). kappa: Cohen's over
    a, b and tie on the `kappa_n` pairs without abstention. reliability: accuracy by averaged
    probability. confusion: counts by label and outcome.
    """
    settled = [(case.label, settle(case.verdicts)) for case in cases]
    outcomes = [(label, judged.outcome) for label, judged in settled]
    decided = [(label, outcome) for label, outcome in outcomes if outcome in ("a", "b")]
    readable = [(label, outcome) for label, outcome in outcomes if outcome != "abstain"]
    single = [
        (case.label, row["outcome"])
        for case in cases
        for row in case.verdicts
        if row["outcome"] != "abstain"
    ]
    counts = Counter(outcomes)
    return {
        "accuracy": _share_right(decided),
        "single_order": _share_right(single),
        "yield": rate(len(decided), len(outcomes)),
        "sensitivity": _share_right([case for case in decided if case[0] == "a"]),
        "specificity": _share_right([case for case in decided if case[0] == "b"]),
        "kappa": kappa(readable),
        "kappa_n": len(readable),
        "reliability": _reliability_curve(settled),
        "confusion": {
            label: {name: counts[label, name] for name in ("a", "b", "tie", "abstain")}
            for label in ("a", "b", "tie")
        },
    }


def smallest_threshold(cases: list[Case], accuracy: float, min_n: int) -> float:
    """The smallest threshold at which at least `min_n` pairs are decided, `accuracy` of them
    rightly. Raises UserError where there is none.
    """
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
    reached: list[tuple[float, float, int]] = []
    for tau in sorted({EDGES[0], *high[np.isfinite(high)]}):
        decided_here = (low < tau) & (tau <= high)
        n = int(decided_here.sum())
        if n < min_n:
            break  # a higher threshold decides no more
        share = int((decided_here & right).sum()) / n
        if share >= accuracy:
            return float(tau)
        reached.append((share, float(tau), n))
    share, tau, n = max(reached)
    raise UserError(
        f"judge.tau: no threshold makes the judge right on {accuracy:g} of the gold pairs; the "
        f"best is {share:.3f} at {tau:.3f} ({n} pairs); take a better judge, ask for less, "
        f"{WAYS_OUT}"
    )


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


def _share_right(cases: list[tuple[str, str]]) -> dict[str, Any]:
    return rate(sum(label == outcome for label, outcome in cases), len(cases))


def _reliability_curve(settled: list[tuple[str, Settled]]) -> list[dict[str, Any]] | None:
    """Mean confidence and accuracy of what the averaged probability favours, decided or not."""
    favoured = [
        (max(p, 1 - p), label == ("a" if p > 0.5 else "b"))
        for label, judged in settled
        if (p := judged.probability) is not None and p != 0.5
    ]
    if not favoured:
        return None
    bins = []
    for low, high in pairwise(EDGES):
        in_bin = [
            (confidence, right)
            for confidence, right in favoured
            if low <= confidence < high or confidence == high == EDGES[-1]
        ]
        mean = fmean(confidence for confidence, _ in in_bin) if in_bin else None
        accuracy = rate(sum(right for _, right in in_bin), len(in_bin))
        bins.append({"from": low, "to": high, "confidence": mean, "accuracy": accuracy})
    return bins
