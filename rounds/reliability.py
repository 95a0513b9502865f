"""How often a judge is right, and how that goes with how sure it is."""

from collections import Counter
from itertools import pairwise
from statistics import fmean
from typing import Any, NamedTuple

from rounds.kappa import kappa
from rounds.rates import rate
from rounds.rows import Verdict
from rounds.verdicts import Settled, settle

EDGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Of the reliability curve's bins; the first is the lowest threshold."""


class Case(NamedTuple):
    """A labelled pair (a, b or tie) and the verdict rows on it."""

    label: str
    verdicts: list[Verdict]


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
