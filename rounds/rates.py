"""Shares with the interval that their number of cases allows, and what length does to them."""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

CONFIDENCE = 0.95

RIDGE = 0.01
"""What keeps a perfectly separated length effect finite."""


def rate(hits: int, n: int) -> dict[str, Any]:
    """`hits` of `n` as value, low, high and n; Wilson's interval at 95 %. No case, no number."""
    if n == 0:
        return {"value": None, "low": None, "high": None, "n": 0}
    low, high = wilson(hits / n, n, CONFIDENCE)
    return {"value": hits / n, "low": low, "high": high, "n": n}


def wilson(share: float, n: int, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of a share of n."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def fit_length_effect(
    outcomes: Sequence[float], length_differences: Sequence[float]
) -> tuple[float, float]:
    """Intercept and slope (log-odds) of outcomes on tanh(length difference / its deviation).

    An outcome lies between 0 (lost) and 1 (won). The term of AlpacaEval 2 (arXiv 2404.04475), a
    logistic regression fitted by Newton's method.
    """
    target = np.array(outcomes, dtype=float)
    difference = np.array(length_differences, dtype=float)
    scale = difference.std() or 1.0
    features = np.stack([np.ones_like(difference), np.tanh(difference / scale)], axis=1)
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
