"""Every candidate against every other in both orders, for measuring the other strategies.

N (N - 1) calls. A candidate's score is its mean chance to win; the comparison that is selected
has been asked in both orders already and counts as confirmed.
"""

import asyncio
from itertools import combinations

from judge.questions import both_orders, usable
from judge.rows import Judge
from judge.select import Scored, choose
from judge.soft import chance
from rounds.settle import comparisons
from rounds.tables import Row


async def round_robin(judge: Judge, prompt: Row, candidates: list[Row]) -> list[Row]:
    """All verdict rows for one prompt."""
    kept = usable(candidates)
    asked = [both_orders(judge, prompt, a, b, "screen") for a, b in combinations(kept, 2)]
    rows = [row for both in await asyncio.gather(*asked) for row in both]
    points = {candidate["candidate_id"]: 0.0 for candidate in kept}
    for (a, b), verdicts in comparisons(rows, "screen").items():
        points[a] += chance(verdicts)
        points[b] += 1 - chance(verdicts)
    scored = [Scored(candidate, points[candidate["candidate_id"]]) for candidate in kept]
    pairs = choose(scored, judge.config.select)
    chosen = {frozenset((a["candidate_id"], b["candidate_id"])) for a, b in pairs}
    return [
        row | {"purpose": "confirm"}
        if frozenset((row["candidate_a"], row["candidate_b"])) in chosen
        else row
        for row in rows
    ]
