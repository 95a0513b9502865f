"""Two shares of the same cases against each other: what changes between two ways of judging.

Taken apart, the intervals of the two overlap long before their difference is in doubt: the cases
are the same, and mostly come out the same.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Any

from rounds.rates import CONFIDENCE, binomial_tail, wilson

INTERVAL = "Newcombe's score interval for paired shares, 95 %"
TEST = "McNemar's exact test"

Rightness = Sequence[bool | None]
"""Of each case whether it is right; None where it is no case of this side."""


def paired_difference(
    before: Sequence[bool | None], after: Sequence[bool | None]
) -> dict[str, Any]:
    """The share after minus the share before, of the same cases in the same order.

    {"value", "low", "high", "n": cases of either side, "changed": those that come out otherwise}.
    The interval is Newcombe's hybrid of two Wilson intervals (1998, for paired data; with unequal
    numbers as Zou and Donner 2008) with the correlation that the cases show, as it is. No case, no
    number.
    """
    shares = [_share(side) for side in (before, after)]
    cases = [pair for pair in zip(before, after, strict=True) if pair != (None, None)]
    counts = {"n": len(cases), "changed": sum(one != other for one, other in cases)}
    if any(share is None for share in shares):
        return {"value": None, "low": None, "high": None, **counts}
    (p, n_before), (q, n_after) = (share for share in shares if share is not None)
    (p_low, p_high), (q_low, q_high) = (
        wilson(p, n_before, CONFIDENCE),
        wilson(q, n_after, CONFIDENCE),
    )
    r = _correlation(before, after, p, q)
    low = _combined(q - q_low, p_high - p, r)
    high = _combined(q_high - q, p - p_low, r)
    return {"value": q - p, "low": q - p - low, "high": q - p + high, **counts}


def mcnemar(before: Rightness, after: Rightness) -> dict[str, Any]:
    """Of the cases of both sides: how many are right `before` alone and `after` alone, and how
    likely so uneven a split is by chance (`p`, exact, two-sided; None without a split).
    """
    both = [pair for pair in zip(before, after, strict=True) if None not in pair]
    first, second = both.count((True, False)), both.count((False, True))
    split = first + second
    p = min(1.0, 2 * binomial_tail(max(first, second), split, 0.5)) if split else None
    return {"before": first, "after": second, "n": len(both), "p": p}


def _share(side: Rightness) -> tuple[float, int] | None:
    cases = [one for one in side if one is not None]
    return (sum(cases) / len(cases), len(cases)) if cases else None


def _correlation(before: Rightness, after: Rightness, p: float, q: float) -> float:
    """That of the two shares, by what each case adds to each."""
    pairs = [
        (0.0 if one is None else one - p, 0.0 if other is None else other - q)
        for one, other in zip(before, after, strict=True)
    ]
    together = sum(one * other for one, other in pairs)
    alone = sqrt(sum(one * one for one, _ in pairs) * sum(other * other for _, other in pairs))
    return together / alone if alone else 0.0


def _combined(one: float, other: float, r: float) -> float:
    return sqrt(max(0.0, one * one - 2 * r * one * other + other * other))
