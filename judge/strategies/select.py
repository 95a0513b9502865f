"""Which candidates are compared, by their scores."""

import random
from statistics import fmean, pstdev
from typing import NamedTuple

from judge.config import Delta, Select
from rounds.ids import digest
from rounds.rows import Candidate


class Scored(NamedTuple):
    """A candidate and how good it looks so far; any scale, higher is better."""

    candidate: Candidate
    score: float


def choose(scored: list[Scored], select: Select, most: int) -> list[tuple[Candidate, Candidate]]:
    """At most `most` comparisons as (better looking, worse looking), no candidate twice.

    Candidates that look alike (closer than `select.min_margin`, or than `select.band` begins) are
    never compared. Among equals the earlier one is taken.
    """
    free = list(scored)
    chosen: list[tuple[Candidate, Candidate]] = []
    while len(chosen) < most and (pair := _next(free, select)) is not None:
        chosen.append((pair[0].candidate, pair[1].candidate))
        free = [left for left in free if left not in pair]
    return chosen


def _next(free: list[Scored], select: Select) -> tuple[Scored, Scored] | None:
    if len(free) < 2:
        return None
    if select.rule == "margin_band":
        return _in_band(free, select.band)
    least = max(select.min_margin, 1e-9)
    if select.delta is not None:
        return _of_sources(free, select.delta, least)
    best = max(free, key=lambda scored: scored.score)
    below = [scored for scored in free if best.score - scored.score >= least]
    if not below:
        return None
    if select.rule == "best_worst":
        return best, min(below, key=lambda scored: scored.score)
    if select.rule == "best_random":
        seed = digest("rejected", best.candidate["candidate_id"])
        return best, random.Random(seed).choice(below)
    scores = [scored.score for scored in free]
    target = fmean(scores) - 2 * pstdev(scores)
    return best, min(below, key=lambda scored: abs(scored.score - target))


def _of_sources(free: list[Scored], delta: Delta, least: float) -> tuple[Scored, Scored] | None:
    """The best of the better source and the worst of the worse one, if it looks better by so much.

    The judge decides, as it does of any other two: a source is stronger by the config's word alone.
    """
    strong, weak = (
        [scored for scored in free if scored.candidate["source"] == name]
        for name in (delta.better, delta.worse)
    )
    if not strong or not weak:
        return None
    best = max(strong, key=lambda scored: scored.score)
    worst = min(weak, key=lambda scored: scored.score)
    return (best, worst) if best.score - worst.score >= least else None


def _in_band(free: list[Scored], band: tuple[float, float]) -> tuple[Scored, Scored] | None:
    """The pair of the largest margin inside the band."""
    low, high = band
    fitting = [
        (better, worse)
        for better in free
        for worse in free
        if better.score > worse.score and low <= better.score - worse.score <= high
    ]
    return max(fitting, key=lambda pair: pair[0].score - pair[1].score, default=None)
