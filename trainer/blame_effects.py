"""What leaving a part of the pairs out, and training on it alone, does to margins. Pure.

A margin is what a training adds to log p(chosen) - log p(rejected) of a held-out pair, nats: above
0 where it moves the policy the pair's way. The pairs of a part that is wrong are wrong where they
are held out as well, so a part is measured on held-out pairs of the others alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

ERROR = 0.05
"""Chance that any part is named where none hurts, at most: each has its share (Bonferroni)."""
DRAWS = 20_000
"""Bootstrap samples of the held-out pairs."""

Margins = Mapping[str, float]
"""The margin of each held-out pair after one training, by pair_id."""
Numbers = NDArray[np.float64]


class Trained(NamedTuple):
    """The margins after the trainings that a part is judged by: on the rest without it, on it
    alone, and on random halves of all pairs, equally many steps each.
    """

    without: Margins
    alone: Margins
    controls: Sequence[Margins]


def noise(controls: Sequence[Margins], names: Sequence[str]) -> float:
    """The standard deviation between trainings on random halves, of the mean margin."""
    means = [np.mean([one[name] for name in names]) for one in controls]
    return float(np.std(means, ddof=1))


def effects(trained: Trained, rest: Sequence[str], gold: Sequence[str], parts: int) -> Any:
    """What a part does, with intervals that hold for all of so many `parts` together.

    `rest` are held-out pairs of the others, `gold` pairs that people labelled (may be empty).
    {"gain": margin without the part, less that of a random half, "alone": margin after the part
    alone, "right": see below} as {"value", "low", "high"}, "n", "hurts", "contradicts".

    Two parts that contradict each other look alike from each other's side. Which of them is wrong
    is said by `right`: on the gold pairs, the margin without the part less that after it alone;
    without gold pairs the majority, the margin of random halves on the rest: where all pairs
    together pull against the rest, it is the rest that is the odd one out.
    A part `hurts` where the lower ends of gain and right are above 0 and the upper end of alone is
    below it: all three must hold, so each has the whole error of the part. It `contradicts` the
    others where only `right` is open. Intervals are the percentiles of a paired bootstrap over
    pairs, with the noise between trainings as the random halves show it.
    """
    seen = [*rest, *gold]
    without, alone = _column(trained.without, seen), _column(trained.alone, seen)
    control = np.mean([_column(one, seen) for one in trained.controls], axis=0)
    count = len(trained.controls)
    spread = noise(trained.controls, seen)
    error = ERROR / parts
    gain = interval(without - control, spread * np.sqrt(1 + 1 / count), error)
    by_itself = interval(alone, spread, error)
    if gold:
        places = slice(len(rest), None)
        of_gold = noise(trained.controls, gold) * np.sqrt(2)
        right = interval(without[places] - alone[places], of_gold, error)
    else:
        right = interval(control, spread / np.sqrt(count), error)
    contradicts = gain["low"] > 0 and by_itself["high"] < 0
    return {
        "gain": gain,
        "alone": by_itself,
        "right": right,
        "n": len(seen),
        "contradicts": contradicts,
        "hurts": contradicts and right["low"] > 0,
    }


def interval(values: Numbers, spread: float, error: float) -> dict[str, float]:
    """The mean of `values` and its two-sided bootstrap interval at an `error`, with normal noise of
    standard deviation `spread` on the mean.
    """
    random = np.random.default_rng(0)
    n = len(values)
    weights = random.multinomial(n, np.full(n, 1 / n), size=DRAWS)
    means = weights @ values / n + random.normal(0, spread, size=DRAWS)
    low, high = np.quantile(means, [error / 2, 1 - error / 2])
    return {"value": float(values.mean()), "low": float(low), "high": float(high)}


def _column(margins: Margins, names: Sequence[str]) -> Numbers:
    return np.array([margins[name] for name in names])
