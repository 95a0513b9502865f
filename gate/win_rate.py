"""Win rates with intervals, raw and controlled for length."""

from collections import Counter
from collections.abc import Sequence
from math import exp, sqrt
from statistics import NormalDist
from typing import NamedTuple

from rounds.contests import ABSTAIN, IDENTICAL, LOSS, TIE, WIN, WORTH
from rounds.rates import fit_length_effect, wilson


class WinRate(NamedTuple):
    """(wins + ties/2) / n with its interval; n decided comparisons, abstentions beside them.

    `identical` of the ties are answers of the same text. `strictly_better` is wins / n.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    abstained: int
    wins: int
    ties: int
    losses: int
    identical: int
    strictly_better: float | None


def win_rate(outcomes: Sequence[str], confidence: float, abstain_loses: bool = False) -> WinRate:
    """The win rate of some outcomes (win, tie, identical, loss, abstain) with Wilson's interval.

    A tie is half a win; Wilson's interval is then on the wide side. With `abstain_loses` an
    abstention counts as a loss. No decided comparison gives None, not a number.
    """
    counts = Counter(outcomes)
    ties = counts[TIE] + counts[IDENTICAL]
    of_each = counts[ABSTAIN], counts[WIN], ties, counts[LOSS], counts[IDENTICAL]
    decided = counts[WIN] + ties + counts[LOSS]
    n = decided + counts[ABSTAIN] if abstain_loses else decided
    if n == 0:
        return WinRate(None, None, None, 0, *of_each, None)
    value = (counts[WIN] + ties / 2) / n
    low, high = wilson(value, n, confidence)
    return WinRate(value, low, high, n, *of_each, counts[WIN] / n)


def length_controlled(outcomes: Sequence[str], longer_by: Sequence[int]) -> float | None:
    """The win rate a policy would have if its answers were as long as the other's.

    Logistic regression of the outcome on tanh(length difference / its deviation), read at zero
    (AlpacaEval 2, arXiv 2404.04475). `longer_by` is own minus other length, in characters. A small
    ridge keeps perfect separation finite. None without a decided comparison, or where every answer
    differs by the same length: nothing then tells length from worth.
    """
    kept = [
        (WORTH[outcome], by)
        for outcome, by in zip(outcomes, longer_by, strict=True)
        if outcome in WORTH
    ]
    if not kept:
        return None
    worths, differences = zip(*kept, strict=True)
    if differences[0] != 0 and len(set(differences)) == 1:
        return None
    intercept, _ = fit_length_effect(worths, differences)
    return 1 / (1 + exp(-intercept))


def detectable(n: int, confidence: float, power: float = 0.8, threshold: float = 0.5) -> float:
    """The smallest true win rate that n decided comparisons show to exceed the threshold, with this
    power (normal approximation).
    """
    if n == 0:
        return 1.0
    normal = NormalDist()
    z = normal.inv_cdf(0.5 + confidence / 2) + normal.inv_cdf(power)
    return min(1.0, threshold + z * sqrt(threshold * (1 - threshold) / n))
