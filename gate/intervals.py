"""Intervals of win rates: by the score, by the bootstrap, and that of the rate at equal length."""

from collections.abc import Sequence
from math import exp, inf, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from rounds.rates import RIDGE, fit_length_effect, length_features

Numbers = NDArray[np.float64]

STEPS = 32
"""Halvings of a range in which something is looked for."""


def score_interval(wins: int, ties: int, losses: int, confidence: float) -> tuple[float, float]:
    """Those win rates that a score test with continuity correction does not reject. n is not 0.

    Tango's interval of wins - losses of n (Statist. Med. 17, 1998) as a win rate: a tie adds
    nothing to the variance. Without ties it is Wilson's with the correction (Newcombe's method 4,
    same volume). At 1/2 it is McNemar's test: its error is never above what is stated.
    """
    n, seen = wins + ties + losses, (wins - losses) / (wins + ties + losses)
    limit = NormalDist().inv_cdf(0.5 + confidence / 2)

    def score(difference: float) -> float:
        """How many deviations, less the correction, lie between a difference and what was seen."""
        linear = (2 * n - wins + losses) * difference - wins - losses
        root = linear**2 + 8 * n * losses * difference * (1 - difference)
        # the likeliest share of losses, were this the difference
        lost = (sqrt(max(0.0, root)) - linear) / (4 * n)
        variance = n * (2 * lost + difference * (1 - difference))
        beyond = max(0.0, n * abs(seen - difference) - 1)
        if beyond == 0 or variance <= 0:
            return inf if beyond else 0.0
        return beyond / sqrt(variance)

    def end(outermost: float) -> float:
        inside, outside = seen, outermost
        for _ in range(STEPS):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if score(middle) <= limit else (inside, middle)
        return (1 + inside) / 2

    return end(-1.0), end(1.0)


def bootstrap(wins: int, ties: int, losses: int, confidence: float) -> tuple[float, float]:
    """The percentile interval of the win rate over all resamples of these outcomes.

    The resamples are not drawn: what a sum of n draws of 0, 1/2 and 1 comes to follows exactly from
    the n-th power of the characteristic function of one (Efron's ideal bootstrap). n must not be 0.
    """
    n = wins + ties + losses
    one = np.zeros(2 * n + 1)
    one[:3] = losses / n, ties / n, wins / n
    of_sums = np.fft.ifft(np.fft.fft(one) ** n).real.clip(0)
    up_to = np.cumsum(of_sums) / of_sums.sum()
    tail = (1 - confidence) / 2
    low = int(np.searchsorted(up_to, tail))
    high = int(np.searchsorted(up_to, 1 - tail))
    return low / (2 * n), min(high, 2 * n) / (2 * n)


def profile_interval(
    outcomes: Sequence[float], length_differences: Sequence[float], confidence: float
) -> tuple[float, float]:
    """The profile likelihood's interval of the win rate at equal length.

    Those intercepts of `fit_length_effect` at which the best slope explains the outcomes not much
    worse than the best of all do: by less than half a chi-squared of one degree. It holds where
    every outcome is the same as well, which an interval by standard errors does not.
    """
    target = np.asarray(outcomes, dtype=float)
    lengths = length_features(length_differences)
    best, slope = fit_length_effect(outcomes, length_differences)
    top = _likelihood(best, slope, target, lengths)
    limit = NormalDist().inv_cdf(0.5 + confidence / 2) ** 2 / 2

    def end(direction: float) -> float:
        inside, outside = best, best + direction * 40
        for _ in range(STEPS):
            middle = (inside + outside) / 2
            fitted = _likelihood(middle, _slope(middle, target, lengths), target, lengths)
            inside, outside = (middle, outside) if top - fitted < limit else (inside, middle)
        return 1 / (1 + exp(-inside))

    return end(-1), end(1)


def _likelihood(intercept: float, slope: float, target: Numbers, lengths: Numbers) -> float:
    """What is made as large as it can be: the log-likelihood, less the ridge's part."""
    odds = intercept + slope * lengths
    # log(1 + e^x) without overflow
    likely = (target * odds - np.logaddexp(0, odds)).sum()
    return float(likely - RIDGE / 2 * (intercept**2 + slope**2))


def _slope(intercept: float, target: Numbers, lengths: Numbers) -> float:
    """The best slope at an intercept: where the derivative, which only falls, is 0."""
    reach = len(target) / RIDGE
    low, high = -min(reach, 1e3), min(reach, 1e3)
    for _ in range(STEPS):
        middle = (low + high) / 2
        predicted = np.exp(-np.logaddexp(0, -(intercept + middle * lengths)))
        rising = float((lengths * (target - predicted)).sum()) - RIDGE * middle > 0
        low, high = (middle, high) if rising else (low, middle)
    return (low + high) / 2


def holm(chances: Sequence[float], error: float) -> list[bool]:
    """Which of several tests reject, so that any true one does with chance `error` at most (Holm
    1979, Scandinavian Journal of Statistics 6): from the least chance on, until one does not.
    """
    rejected = [False] * len(chances)
    for rank, place in enumerate(sorted(range(len(chances)), key=lambda at: chances[at])):
        if chances[place] > error / (len(chances) - rank):
            break
        rejected[place] = True
    return rejected


def normal_reach(error: float) -> float:
    """How many standard errors a normal variable exceeds with chance `error`."""
    return NormalDist().inv_cdf(1 - error)
