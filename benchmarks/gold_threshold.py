"""What a threshold from gold keeps of its promise: python benchmarks/gold_threshold.py [DRAWS]

A judge is right on a comparison with a chance that goes with how sure it is. DRAWS (500) times 200
labelled pairs are drawn, and from each the threshold for an accuracy of 0.9, by both rules. Told is
how often the judge's true accuracy beyond the threshold is below 0.9, how often there is no
threshold, and the yield: the share of all comparisons that are decided, none where there is no
threshold. The judges:

    calibrated     its probability is its accuracy, 0.92 on average
    overconfident  0.5 + 0.8 (p - 0.5) is, 0.82 on average
    skewed         mostly sure, as chat models are; 0.89 on average
    flat           right on 0.89 of the pairs however sure it is: no threshold reaches 0.9
    good           right on 0.95 of the pairs however sure it is
"""

import argparse
import bisect
import random
from collections.abc import Callable
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple, cast

from judge.health.config import FromGold
from judge.health.reliability import Case
from judge.health.thresholds import threshold
from rounds.errors import UserError
from rounds.rows import Verdict

ACCURACY = 0.9
MIN_N = 50
POPULATION = 100_000

Judge = Callable[[random.Random], tuple[float, float]]
"""Draws how sure the judge is of a comparison, and how likely it is right there."""


def _sure(chance: random.Random, a: float, b: float) -> float:
    return 0.5 + 0.5 * chance.betavariate(a, b)


def _calibrated(chance: random.Random) -> tuple[float, float]:
    sure = _sure(chance, 5, 1)
    return sure, sure


def _overconfident(chance: random.Random) -> tuple[float, float]:
    sure = _sure(chance, 4, 1)
    return sure, 0.5 + 0.8 * (sure - 0.5)


def _skewed(chance: random.Random) -> tuple[float, float]:
    sure = _sure(chance, 1.2, 0.5)
    return sure, 0.55 + 0.45 * (2 * sure - 1) ** 0.7


JUDGES: dict[str, Judge] = {
    "calibrated": _calibrated,
    "overconfident": _overconfident,
    "skewed": _skewed,
    "flat": lambda chance: (_sure(chance, 1, 1), 0.89),
    "good": lambda chance: (_sure(chance, 1, 1), 0.95),
}


class Measured(NamedTuple):
    """Of so many draws: thresholds that miss, draws without one, and the mean yield."""

    draws: int
    missed: int
    none: int
    kept: float


def case(probability: float, right: bool) -> Case:
    """A gold pair judged alike in both orders, a with this probability."""
    rows = [
        {
            **{"verdict_id": first, "judge_id": "judge", "level": 0, "threshold": None},
            **{"shown_first": first, "outcome": "a", "reason": None, "probability": probability},
        }
        for first in "ab"
    ]
    return Case("a" if right else "b", cast("list[Verdict]", rows))


@cache
def _population(judge: str) -> tuple[list[float], list[float]]:
    """Degrees of sureness, highest first, with the true accuracy from there up."""
    chance = random.Random(f"population {judge}")
    drawn = sorted((JUDGES[judge](chance) for _ in range(POPULATION)), reverse=True)
    right = accumulate(accuracy for _, accuracy in drawn)
    shares = [so_far / (place + 1) for place, so_far in enumerate(right)]
    return [-sure for sure, _ in drawn], shares


def _truth(judge: str, tau: float) -> tuple[float, float]:
    """The true accuracy beyond a threshold, and the yield there."""
    sure, shares = _population(judge)
    n = bisect.bisect_right(sure, -tau)
    return shares[max(n - 1, 0)], n / len(sure)


def measure(judge: str, rule: str, draws: int, pairs: int) -> Measured:
    """Take the threshold from so many draws of gold pairs."""
    missed, none, kept = 0, 0, 0.0
    chance: Any = random.Random(f"draws {judge}")
    for _ in range(draws):
        drawn = [JUDGES[judge](chance) for _ in range(pairs)]
        cases = [case(sure, chance.random() < accuracy) for sure, accuracy in drawn]
        try:
            tau = threshold(cases, FromGold(ACCURACY, rule), MIN_N)
        except UserError:
            none += 1
            continue
        accuracy, share = _truth(judge, tau)
        missed, kept = missed + (accuracy < ACCURACY - 1e-9), kept + share
    return Measured(draws, missed, none, kept / draws)


def main() -> None:
    """Print a line for each judge and rule."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("draws", type=int, nargs="?", default=500)
    parser.add_argument("--pairs", type=int, default=200)
    given = parser.parse_args()
    for judge in JUDGES:
        for rule in ("point", "bound"):
            found = measure(judge, rule, given.draws, given.pairs)
            missed, none = found.missed / found.draws, found.none / found.draws
            told = f"missed {missed:6.1%}   no threshold {none:6.1%}   yield {found.kept:6.1%}"
            print(f"{judge:14} {rule:6} {told}")


if __name__ == "__main__":
    main()
