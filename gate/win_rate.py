"""Win rates with intervals, raw and controlled for length."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from math import exp, lgamma, log, log1p
from typing import NamedTuple

import numpy as np

from gate.intervals import STEPS, bootstrap, profile_interval, score_interval
from rounds.betting import confidence_sequence
from rounds.contests import ABSTAIN, IDENTICAL, LOSS, TIE, WIN, WORTH
from rounds.rates import fit_length_effect

SCORE, SEQUENCE = "score", "confidence sequence"


class WinRate(NamedTuple):
    """(wins + ties/2) / n with its interval; n decided comparisons, abstentions beside them.

    `identical` of the ties are answers of the same text. `strictly_better` is wins / n. `low` and
    `high` are of the kind that `interval` names, `bootstrap` holds the bootstrap's two beside them.
    Of a gate that stopped early the value is biased: its interval is that of the confidence
    sequence, and there is no bootstrap.
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
    bootstrap: list[float] | None = None
    interval: str = SCORE


def win_rate(outcomes: Sequence[str], confidence: float, abstain_loses: bool = False) -> WinRate:
    """The win rate of some outcomes (win, tie, identical, loss, abstain) with its interval by the
    score; a tie is half a win.

    With `abstain_loses` an abstention counts as a loss. No decided comparison gives None, not a
    number.
    """
    counts = Counter(outcomes)
    ties = counts[TIE] + counts[IDENTICAL]
    of_each = counts[ABSTAIN], counts[WIN], ties, counts[LOSS], counts[IDENTICAL]
    decided = counts[WIN] + ties + counts[LOSS]
    n = decided + counts[ABSTAIN] if abstain_loses else decided
    if n == 0:
        return WinRate(None, None, None, 0, *of_each, None)
    value = (counts[WIN] + ties / 2) / n
    split = counts[WIN], ties, n - counts[WIN] - ties
    low, high = score_interval(*split, confidence)
    resampled = bootstrap(*split, confidence)
    return WinRate(value, low, high, n, *of_each, counts[WIN] / n, list(resampled))


def early_rate(
    outcomes: Sequence[str], confidence: float, horizon: int, abstain_loses: bool = False
) -> WinRate:
    """The win rate of outcomes that were asked about in order until a gate stopped, with the
    interval of the confidence sequence, which holds all the same. `horizon` is how many there could
    have been.
    """
    rate = win_rate(outcomes, confidence, abstain_loses)
    if rate.value is None:
        return rate._replace(interval=SEQUENCE)
    values = [WORTH.get(one, 0.0) for one in outcomes if abstain_loses or one in WORTH]
    bounds = confidence_sequence(values, confidence, horizon)
    low, high = float(bounds.low[-1]), float(bounds.high[-1])
    return rate._replace(low=low, high=high, bootstrap=None, interval=SEQUENCE)


def length_controlled(outcomes: Sequence[str], longer_by: Sequence[int]) -> float | None:
    """The win rate a policy would have if its answers were as long as the other's.

    Logistic regression of the outcome on tanh(length difference / its deviation), read at zero
    (AlpacaEval 2, arXiv 2404.04475). `longer_by` is own minus other length, in characters. A small
    ridge keeps perfect separation finite. None without a decided comparison, or where every answer
    differs by the same length: nothing then tells length from worth.
    """
    worths, differences = _worths(outcomes, longer_by, False)
    if not _tells_length(differences):
        return None
    intercept, _ = fit_length_effect(worths, differences)
    return 1 / (1 + exp(-intercept))


def length_controlled_rate(
    outcomes: Sequence[str],
    longer_by: Sequence[int],
    confidence: float,
    abstain_loses: bool = False,
) -> dict[str, float | int] | None:
    """`length_controlled` as {value, low, high, n}, with its profile likelihood's interval."""
    worths, differences = _worths(outcomes, longer_by, abstain_loses)
    if not _tells_length(differences):
        return None
    intercept, _ = fit_length_effect(worths, differences)
    low, high = profile_interval(worths, differences, confidence)
    return {"value": 1 / (1 + exp(-intercept)), "low": low, "high": high, "n": len(worths)}


def _worths(
    outcomes: Sequence[str], longer_by: Sequence[int], abstain_loses: bool
) -> tuple[list[float], list[int]]:
    """What each outcome counts, and how much longer its answer is; of abstentions as is asked."""
    kept = [
        (WORTH.get(outcome, 0.0), by)
        for outcome, by in zip(outcomes, longer_by, strict=True)
        if outcome in WORTH or abstain_loses
    ]
    return [worth for worth, _ in kept], [by for _, by in kept]


def _tells_length(differences: Sequence[int]) -> bool:
    """Whether length can be told from worth: not where every answer is as much longer."""
    return bool(differences) and (differences[0] == 0 or len(set(differences)) > 1)


def detectable(
    n: int, confidence: float, power: float = 0.8, threshold: float = 0.5
) -> float | None:
    """The smallest true win rate that n decided comparisons, none a tie, show to exceed the
    threshold with this power, by the binomial distribution. None where not even n wins show it.
    """

    def low(wins: int) -> float:
        return score_interval(wins, 0, n - wins, confidence)[0]

    if n == 0 or low(n) <= threshold:
        return None
    shown = np.arange(bisect_right(range(n + 1), threshold, key=low), n + 1)
    ways = np.array([lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) for k in shown])
    lower, upper = threshold, 1.0
    for _ in range(STEPS):
        rate = (lower + upper) / 2
        chance = np.exp(ways + shown * log(rate) + (n - shown) * log1p(-rate)).sum()
        lower, upper = (rate, upper) if chance < power else (lower, rate)
    return upper
