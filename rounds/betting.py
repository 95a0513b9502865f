"""A confidence sequence for a mean, by betting (Waudby-Smith and Ramdas, arXiv 2010.09686).

For each mean that could be, somebody bets against it with capital 1, half on more and half on less;
a mean against which the capital has grown to 1 / error is left out for good. Were it the true one,
this would happen at any time at all with at most that chance (Ville's inequality), however often
one looks and whenever one stops.
"""

from collections.abc import Sequence
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

MEANS = np.linspace(0.001, 0.999, 999)
"""The means that are bet against."""

MOST = 0.75
"""Share of the capital that may be lost at one value: less than all, so that none ever is."""


class Bounds(NamedTuple):
    """The sequence's interval after each value, as two arrays of its length."""

    low: Numbers
    high: Numbers


def confidence_sequence(values: Sequence[float], confidence: float, horizon: int) -> Bounds:
    """The interval that holds the mean at all times at once, with chance `confidence`.

    `values` lie between 0 and 1, in the order in which they came; each may depend on those before
    it, where its expectation does not. `horizon` is how many there will be at most: bets are sized
    for it (section 4 of the paper, a fixed number of observations), and hold before it as well.
    Each end errs with chance (1 - confidence) / 2 at most. The intervals only ever narrow.
    """
    seen = np.asarray(values, dtype=float)
    limit = log(2 / (1 - confidence))
    bets = _bets(seen, limit, horizon)
    with_more = np.minimum(bets[:, None], MOST / MEANS[None, :])
    with_less = np.minimum(bets[:, None], MOST / (1 - MEANS[None, :]))
    beyond = seen[:, None] - MEANS[None, :]
    more = np.cumsum(np.log1p(with_more * beyond), axis=0) >= limit
    less = np.cumsum(np.log1p(-with_less * beyond), axis=0) >= limit
    more, less = np.maximum.accumulate(more, axis=0), np.maximum.accumulate(less, axis=0)
    low = np.where(more, MEANS[None, :], 0.0).max(axis=1, initial=0.0)
    high = np.where(less, MEANS[None, :], 1.0).min(axis=1, initial=1.0)
    return Bounds(low, np.maximum(high, low))


def may_still_exceed(
    values: Sequence[float], confidence: float, horizon: int, bar: float, rate: float
) -> bool:
    """Whether the lower end would exceed `bar` by the horizon if all that is to come were `rate`.

    That is the best that a sequence of this mean can do: a capital's logarithm is concave.
    """
    left = horizon - len(values)
    if left <= 0:
        return False
    limit, seen = log(2 / (1 - confidence)), np.asarray([*values, *[rate] * left], dtype=float)
    bets = np.minimum(_bets(seen, limit, horizon), MOST / bar) if bar > 0 else np.zeros(len(seen))
    return bool((np.cumsum(np.log1p(bets * (seen - bar)))[len(values) :] >= limit).any())


def _bets(seen: Numbers, limit: float, horizon: int) -> Numbers:
    """What is bet at each value, from those before it: by their variance, 1/4 to begin with."""
    times = np.arange(1, len(seen) + 1)
    means = (0.5 + np.cumsum(seen)) / (times + 1)
    variances = (0.25 + np.cumsum((seen - means) ** 2)) / (times + 1)
    before = np.concatenate([[0.25], variances[:-1]])[: len(seen)]
    return np.asarray(np.sqrt(2 * limit / (before * max(1, horizon))))


def looks(horizon: int, step: int) -> list[int]:
    """The numbers of values after which one looks: every `step`, and the last."""
    return [*range(step, horizon, step), horizon] if horizon else []
