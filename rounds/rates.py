"""Shares with the interval that their number of cases allows, and what length does to them."""

from collections.abc import Sequence
from fractions import Fraction
from math import log, log1p, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95

RIDGE = 0.01
"""What keeps a perfectly separated length effect finite."""


def rate(hits: int, n: int) -> dict[str, Any]:
    """`hits` of `n` as value, low, high and n; Wilson's interval at 95 %. No case, no number."""
    if n == 0:
        return {"value": None, "low": None, "high": None, "n": 0}
    low, high = wilson(hits / n, n, CONFIDENCE)
    return {"value": hits / n, "low": low, "high": high, "n": n}


def as_written(number: float) -> Fraction:
    """The decimal number that was written: 0.3 is 3/10, which its float is not."""
    return Fraction(repr(number))


def wilson(share: float, n: int, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of a share of n."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def binomial_tail(hits: int, n: int, share: float) -> float:
    """How likely `hits` or more of n are, each with the chance `share` (between 0 and 1)."""
    if hits <= 0:
        return 1.0
    counts = np.arange(hits, n + 1)
    factorials = np.cumsum(np.log(np.arange(1, n + 1)))
    log_factorial = np.concatenate([[0.0], factorials])
    ways = log_factorial[n] - log_factorial[counts] - log_factorial[n - counts]
    return float(np.exp(ways + counts * log(share) + (n - counts) * log1p(-share)).sum())


def lower_bound(hits: int, n: int, confidence: float) -> float:
    """The share that `hits` of n show to be reached, one-sided (Clopper and Pearson's bound)."""
    low, high = 0.0, hits / n
    while high - low > 1e-9:
        middle = (low + high) / 2
        below = middle == 0 or binomial_tail(hits, n, middle) <= 1 - confidence
        low, high = (middle, high) if below else (low, middle)
    return low


def fit_length_effect(
    outcomes: Sequence[float], length_differences: Sequence[float]
) -> tuple[float, float]:
    """Intercept and slope (log-odds) of outcomes on tanh(length difference / its deviation).

    An outcome lies between 0 (lost) and 1 (won). The term of AlpacaEval 2 (arXiv 2404.04475), a
    logistic regression fitted by Newton's method.
    """
    target = np.array(outcomes, dtype=float)
    lengths = length_features(length_differences)
    features = np.stack([np.ones_like(lengths), lengths], axis=1)
    weights = np.zeros(2)
    for _ in range(50):  # two weights, convex
        predicted = 1 / (1 + np.exp(-features @ weights))
        gradient = features.T @ (target - predicted) - RIDGE * weights
        curvature = predicted * (1 - predicted)
        hessian = (features * curvature[:, None]).T @ features + RIDGE * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        weights += step
        if np.abs(step).max() < 1e-9:
            break
    return float(weights[0]), float(weights[1])


def length_features(length_differences: Sequence[float]) -> NDArray[np.float64]:
    """tanh(length difference / its deviation)."""
    difference = np.array(length_differences, dtype=float)
    return np.asarray(np.tanh(difference / (difference.std() or 1.0)))
