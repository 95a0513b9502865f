"""Which candidates are compared, by their scores."""

import random
from statistics import fmean, pstdev
from typing import NamedTuple

from judge.config import Select
from rounds.ids import digest
from rounds.tables import Row


class Scored(NamedTuple):
    """A candidate and how good it looks so far; any scale, higher is better."""

    candidate: Row
    score: float


def choose(scored: list[Scored], select: Select, most: int) -> list[tuple[Row, Row]]:
    """At most `most` comparisons as (better looking, worse looking), no candidate twice.

    Candidates that look alike (closer than `select.min_margin`, or than `select.band` begins) are
    never compared. Among equals the earlier one is taken.
    """
    free = list(scored)
    chosen: list[tuple[Row, Row]] = []
    while len(chosen) < most and (pair := _next(free, select)) is not None:
        chosen.append((pair[0].candidate, pair[1].candidate))
        free = [one for one in free if one not in pair]
    return chosen


def _next(free: list[Scored], select: Select) -> tuple[Scored, Scored] | None:
    if len(free) < 2:
        return None
    if select.rule == "margin_band":
        return _in_band(free, select.band)
    best = max(free, key=lambda one: one.score)
    least = max(select.min_margin, 1e-9)
    below = [one for one in free if best.score - one.score >= least]
    if not below:
        return None
    if select.rule == "best_worst":
        return best, min(below, key=lambda one: one.score)
    if select.rule == "best_random":
        seed = digest("rejected", best.candidate["candidate_id"])
        return best, random.Random(seed).choice(below)
    scores = [one.score for one in free]
    target = fmean(scores) - 2 * pstdev(scores)
    return best, min(below, key=lambda one: abs(one.score - target))


def _in_band(free: list[Scored], band: tuple[float, float]) -> tuple[Scored, Scored] | None:
    """The pair of the largest margin inside the band."""
    low, high = band
    fitting = [
        (one, other)
        for one in free
        for other in free
        if one.score > other.score and low <= one.score - other.score <= high
    ]
    return max(fitting, key=lambda pair: pair[0].score - pair[1].score, default=None)
