"""Win rates with intervals, raw and controlled for length."""

from collections import Counter
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

WIN, TIE, LOSS, ABSTAIN = "win", "tie", "loss", "abstain"


class WinRate(NamedTuple):
    """(wins + ties/2) / n with its interval; n decided comparisons, abstentions beside them."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    abstained: int


def win_rate(outcomes: Sequence[str], confidence: float, abstain_loses: bool = False) -> WinRate:
    """The win rate of some outcomes (win, tie, loss, abstain) with Wilson's score interval.

    A tie is half a win; Wilson's interval is then on the wide side. With `abstain_loses` an
    abstention counts as a loss. No decided comparison gives None, not a number.
    """
    counts = Counter(outcomes)
    decided = counts[WIN] + counts[TIE] + counts[LOSS]
    n = decided + counts[ABSTAIN] if abstain_loses else decided
    if n == 0:
        return WinRate(None, None, None, 0, counts[ABSTAIN])
    value = (counts[WIN] + counts[TIE] / 2) / n
    low, high = wilson(value, n, confidence)
    return WinRate(value, low, high, n, counts[ABSTAIN])


def wilson(share: float, n: int, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of a share of n."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    return max(0.0, middle - half), min(1.0, middle + half)


def length_controlled(outcomes: Sequence[str], longer_by: Sequence[int]) -> float | None:
    """The win rate a policy would have if its answers were as long as the other's.

    Logistic regression of the outcome on tanh(length difference / its deviation), read at zero
    (AlpacaEval 2, arXiv 2404.04475). `longer_by` is own minus other length, in characters. A small
    ridge keeps perfect separation finite. None without a decided comparison, or where every answer
    differs by the same length: nothing then tells length from worth.
    """
    worth = {WIN: 1.0, TIE: 0.5, LOSS: 0.0}
    kept = [
        (worth[outcome], by)
        for outcome, by in zip(outcomes, longer_by, strict=True)
        if outcome in worth
    ]
    if not kept:
        return None
    target = np.array([value for value, _ in kept])
    difference = np.array([by for _, by in kept], dtype=float)
    if difference.std() == 0 and difference[0] != 0:
        return None
    scale = difference.std() or 1.0
    features = np.stack([np.ones_like(difference), np.tanh(difference / scale)], axis=1)
    weights = np.zeros(2)
    for _ in range(50):  # Newton's method; two weights, convex
        chance = 1 / (1 + np.exp(-features @ weights))
        slope = features.T @ (target - chance) - 0.01 * weights
        curve = (features * (chance * (1 - chance))[:, None]).T @ features + 0.01 * np.eye(2)
        step = np.linalg.solve(curve, slope)
        weights += step
        if np.abs(step).max() < 1e-9:
            break
    return float(1 / (1 + np.exp(-weights[0])))


def detectable(n: int, confidence: float, power: float = 0.8, threshold: float = 0.5) -> float:
    """The smallest true win rate that n decided comparisons show to exceed the threshold, with this
    power (normal approximation).
    """
    if n == 0:
        return 1.0
    normal = NormalDist()
    z = normal.inv_cdf(0.5 + confidence / 2) + normal.inv_cdf(power)
    return min(1.0, threshold + z * float(np.sqrt(threshold * (1 - threshold) / n)))
