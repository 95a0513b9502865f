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
TRIMMED = 0.2
"""Share of the pairs that is left out at each end where the typical margin is taken."""

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
    """The standard deviation between trainings on random halves, of the typical margin."""
    return float(np.std([typical(_column(one, names)) for one in controls], ddof=1))


def effects(trained: Trained, rest: Sequence[str], gold: Sequence[str], parts: int) -> Any:
    """What a part does, with intervals that hold for all of so many `parts` together.

    `rest` are held-out pairs of the others, `gold` pairs that people labelled (may be empty).
    {"gain": margin without the part, less that of a random half, "alone": margin after the part
    alone, "right": see below} as {"value", "low", "high"} in nats, "n", "hurts", "contradicts".

    Two parts that contradict each other look alike from each other's side. Which of them is wrong
    is said by `right`: on the gold pairs, the margin without the part less that after it alone;
    without gold pairs the majority, the margin of random halves on the rest: where all pairs
    together pull against the rest, it is the rest that is the odd one out.
    A part `hurts` where the lower ends of gain and right are above 0 and the upper end of alone is
    below it: all three must hold, so each has the whole error of the part. It `contradicts` the
    others where only `right` is open. Intervals are the percentiles of a paired bootstrap over
    pairs, with the noise between trainings as the random halves show it.
    """
    without, alone = _column(trained.without, rest), _column(trained.alone, rest)
    control = np.mean([_column(one, rest) for one in trained.controls], axis=0)
    count, error = len(trained.controls), ERROR / parts
    spread = noise(trained.controls, rest)
    gain = interval(without - control, spread * np.sqrt(1 + 1 / count), error)
    by_itself = interval(alone, spread, error)
    if gold:
        differs = _column(trained.without, gold) - _column(trained.alone, gold)
        right = interval(differs, noise(trained.controls, gold) * np.sqrt(2), error)
    else:
        right = interval(control, spread / np.sqrt(count), error)
    contradicts = gain["low"] > 0 and by_itself["high"] < 0
    return {
        "gain": gain,
        "alone": by_itself,
        "right": right,
        "n": len(rest),
        "contradicts": contradicts,
        "hurts": contradicts and right["low"] > 0,
    }


def interval(values: Numbers, spread: float, error: float) -> dict[str, float]:
    """The typical one of `values` and its two-sided bootstrap interval at an `error`, with normal
    noise of standard deviation `spread` on it.
    """
    random = np.random.default_rng(0)
    draws = values[random.integers(len(values), size=(DRAWS, len(values)))]
    drawn = typical(draws) + random.normal(0, spread, size=DRAWS)
    low, high = np.quantile(drawn, [error / 2, 1 - error / 2])
    return {"value": float(typical(values)), "low": float(low), "high": float(high)}


def typical(values: Numbers) -> Any:
    """The mean of the middle values along the last axis, TRIMMED at each end left out (Yuen 1974):
    after a training a few answers are some tens of nats off.
    """
    cut = int(values.shape[-1] * TRIMMED)
    middle = np.sort(values, axis=-1)[..., cut : values.shape[-1] - cut]
    return middle.mean(axis=-1)


def _column(margins: Margins, names: Sequence[str]) -> Numbers:
    return np.array([margins[name] for name in names])
