"""Every candidate against every other in both orders, for measuring the other strategies.

N (N - 1) calls. A candidate's score is the sum of its chances to win; a comparison that is
selected has been asked in both orders already and counts as confirmed.
"""

import asyncio
from itertools import combinations

from judge.asking.questions import both_orders, usable
from judge.asking.rows import Judge
from judge.strategies.confirm import until_found
from judge.strategies.select import Scored
from rounds.tables import Row
from rounds.verdicts import chance, comparisons


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
    known = {frozenset(pair): found for pair, found in comparisons(rows, "screen").items()}

    async def asked_before(a: Row, b: Row) -> list[Row]:
        return known[frozenset((a["candidate_id"], b["candidate_id"]))]

    confirmed = await until_found(asked_before, scored, judge.config.select)
    ids = {row["verdict_id"] for row in confirmed}
    return [row | {"purpose": "confirm"} if row["verdict_id"] in ids else row for row in rows]
