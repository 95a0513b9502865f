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
from rounds.tables import Row
from rounds.verdicts import Settled, by_judge, settle

EDGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Of the reliability curve's bins."""

WAYS_OUT = "or give judge.tau as a number"


class Case(NamedTuple):
    """A labelled pair (a, b or tie) and the verdict rows on it."""

    label: str
    verdicts: list[Row]


class Span(NamedTuple):
    """Thresholds, beyond `low` up to `high`, at which a pair is decided, and whether rightly."""

    low: float
    high: float
    right: bool
    sure: bool


def gold_measures(cases: list[Case]) -> dict[str, Any]:
    """What verdicts on labelled pairs say of a judge.

    accuracy: of the pairs it decided for a or b (wrong where the label is tie). single_order: of
    its readable verdicts one by one. yield: decided of all. sensitivity and specificity: decided
    rightly, of the decided pairs labelled a and labelled b (arXiv 2511.21140). kappa: Cohen's over
    a, b and tie on the `kappa_n` pairs without abstention. reliability: accuracy by averaged
    probability. confusion: counts by label and outcome.
    """
    settled = [(case.label, settle(case.verdicts)) for case in cases]
    said = [(label, one.outcome) for label, one in settled]
    decided = [pair for pair in said if pair[1] in ("a", "b")]
    readable = [pair for pair in said if pair[1] != "abstain"]
    single = [
        (case.label, row["outcome"])
        for case in cases
        for row in case.verdicts
        if row["outcome"] != "abstain"
    ]
    counts = Counter(said)
    return {
        "accuracy": _agreeing(decided),
        "single_order": _agreeing(single),
        "yield": rate(len(decided), len(said)),
        "sensitivity": _agreeing([pair for pair in decided if pair[0] == "a"]),
        "specificity": _agreeing([pair for pair in decided if pair[0] == "b"]),
        "kappa": kappa(readable),
        "kappa_n": len(readable),
        "reliability": _curve(settled),
        "confusion": {
            label: {name: counts[label, name] for name in ("a", "b", "tie", "abstain")}
            for label in ("a", "b", "tie")
        },
    }


def smallest_threshold(cases: list[Case], accuracy: float, min_n: int) -> float:
    """The smallest threshold at which at least `min_n` pairs are decided, `accuracy` of them
    rightly. Raises UserError where there is none.
    """
    spans = [span for case in cases for span in _spans(case)]
    at_start = [span for span in spans if span.low < EDGES[0] <= span.high]
    if at_start and not any(span.sure for span in at_start):
        raise UserError(
            "judge.tau: from_gold needs probabilities, and the judge gave none on the gold pairs "
            f"that it decided ({len(at_start)}); let the endpoint give logprobs, {WAYS_OUT}"
        )
    if len(at_start) < min_n:
        raise UserError(
            f"judge.tau: from_gold rests on {min_n} decided pairs (judge.gold.min_n), and the "
            f"judge decided {len(at_start)} of {len(cases)}; label more pairs, {WAYS_OUT}"
        )
    low = np.array([span.low for span in spans])
    high = np.array([span.high for span in spans])
    right = np.array([span.right for span in spans])
    reached: list[tuple[float, float, int]] = []
    for tau in sorted({EDGES[0], *high[np.isfinite(high)]}):
        here = (low < tau) & (tau <= high)
        n = int(here.sum())
        if n < min_n:
            break  # a higher threshold decides no more
        share = int((here & right).sum()) / n
        if share >= accuracy:
            return float(tau)
        reached.append((share, float(tau), n))
    share, tau, n = max(reached)
    raise UserError(
        f"judge.tau: no threshold makes the judge right on {accuracy:g} of the gold pairs; the "
        f"best is {share:.3f} at {tau:.3f} ({n} pairs); take a better judge, ask for less, "
        f"{WAYS_OUT}"
    )


def _spans(case: Case) -> Iterator[Span]:
    """Where a pair is decided: that changes only where one of its judges is just sure enough."""
    judges: dict[str, list[Row]] = {}
    for row in case.verdicts:
        judges.setdefault(row["judge_id"], []).append(row | {"threshold": None})
    voices = [by_judge(rows) for rows in judges.values()]
    sure = {_confidence(voice) for voice in voices if voice.outcome in ("a", "b")} - {None}
    for low, high in pairwise([0.0, *sorted(one for one in sure if one is not None), inf]):
        found = settle([row | {"threshold": high} for row in case.verdicts])
        if found.outcome in ("a", "b"):
            yield Span(low, high, found.outcome == case.label, found.probability is not None)


def _confidence(settled: Settled) -> float | None:
    """The averaged probability of the answer that it favours, 0.5 to 1."""
    p = settled.probability
    return None if p is None else max(p, 1 - p)


def _agreeing(said: list[tuple[str, str]]) -> dict[str, Any]:
    return rate(sum(label == outcome for label, outcome in said), len(said))


def _curve(settled: list[tuple[str, Settled]]) -> list[dict[str, Any]] | None:
    """Mean confidence and accuracy of what the averaged probability favours, decided or not."""
    given = [
        (max(p, 1 - p), label == ("a" if p > 0.5 else "b"))
        for label, one in settled
        if (p := one.probability) is not None and p != 0.5
    ]
    if not given:
        return None
    bins = []
    for low, high in pairwise(EDGES):
        here = [one for one in given if low <= one[0] < high or one[0] == high == EDGES[-1]]
        mean = fmean(sure for sure, _ in here) if here else None
        right = rate(sum(right for _, right in here), len(here))
        bins.append({"from": low, "to": high, "confidence": mean, "accuracy": right})
    return bins
