"""Shares with the interval that their number of cases allows."""

from math import sqrt
from statistics import NormalDist
from typing import Any

CONFIDENCE = 0.95


def wilson(share: float, n: int, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of a share of n."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def rate(hits: int, n: int) -> dict[str, Any]:
    """`hits` of `n` as value, low, high and n; Wilson's interval at 95 %. No case, no number."""
    if n == 0:
        return {"value": None, "low": None, "high": None, "n": 0}
    low, high = wilson(hits / n, n, CONFIDENCE)
    return {"value": hits / n, "low": low, "high": high, "n": n}
