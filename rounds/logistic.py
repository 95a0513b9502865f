"""How much of an outcome goes with length."""

from collections.abc import Sequence

import numpy as np

RIDGE = 0.01


def fit_length(worth: Sequence[float], longer_by: Sequence[float]) -> tuple[float, float]:
    """Intercept and slope (log-odds) of outcomes on tanh(length difference / its deviation).

    `worth` lies between 0 and 1. The term of AlpacaEval 2 (arXiv 2404.04475), fitted by Newton's
    method; a small ridge keeps perfect separation finite.
    """
    target, difference = np.array(worth, dtype=float), np.array(longer_by, dtype=float)
    scale = difference.std() or 1.0
    features = np.stack([np.ones_like(difference), np.tanh(difference / scale)], axis=1)
    weights = np.zeros(2)
    for _ in range(50):  # two weights, convex
        chance = 1 / (1 + np.exp(-features @ weights))
        slope = features.T @ (target - chance) - RIDGE * weights
        curve = (features * (chance * (1 - chance))[:, None]).T @ features + RIDGE * np.eye(2)
        step = np.linalg.solve(curve, slope)
        weights += step
        if np.abs(step).max() < 1e-9:
            break
    return float(weights[0]), float(weights[1])
