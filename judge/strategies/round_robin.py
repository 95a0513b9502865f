"""Every candidate against every other in both orders, for measuring the other strategies.

N (N - 1) calls. A candidate's score is the sum of its chances to win; a comparison that is
selected has been asked in both orders already and counts as confirmed.
"""

import asyncio
from itertools import combinations

from judge.asking.questions import both_orders, usable
from judge.asking.rows import Judge
from judge.config import Select
from judge.strategies.confirm import until_found
from judge.strategies.select import Scored
from judge.strategies.strategy import Strategy
from rounds.rows import Candidate, Prompt, Verdict
from rounds.verdicts import comparisons, win_probability


async def round_robin(judge: Judge, prompt: Prompt, candidates: list[Candidate]) -> list[Verdict]:
    """All verdict rows for one prompt."""
    kept = usable(candidates)
    calls = [both_orders(judge, prompt, a, b, "screen") for a, b in combinations(kept, 2)]
    rows = [row for verdicts in await asyncio.gather(*calls) for row in verdicts]
    compared = comparisons(rows, "screen")
    points = {candidate["candidate_id"]: 0.0 for candidate in kept}
    for (a, b), verdicts in compared.items():
        points[a] += win_probability(verdicts)
        points[b] += 1 - win_probability(verdicts)
    scored = [Scored(candidate, points[candidate["candidate_id"]]) for candidate in kept]
    by_pair = {frozenset(pair): verdicts for pair, verdicts in compared.items()}

    async def compared_before(a: Candidate, b: Candidate) -> list[Verdict]:
        return by_pair[frozenset((a["candidate_id"], b["candidate_id"]))]

    confirmed = await until_found(compared_before, scored, judge.config.select)
    ids = {row["verdict_id"] for row in confirmed}
    return [row | {"purpose": "confirm"} if row["verdict_id"] in ids else row for row in rows]


def most_calls(n: int, select: Select, jury: int) -> int:
    """Both orders of every two, by everyone."""
    return n * (n - 1) * jury


ROUND_ROBIN = Strategy(round_robin, most_calls, selects=True)
