"""All candidates ranked in one call, twice, the second time in reverse order.

2 to 4 calls, whatever N is. The two rankings are averaged. Where both put the same candidate on
top and the same at the bottom, the reversal has shown the two in both orders and they are
confirmed; otherwise best and worst of the average are compared pairwise.
"""

import asyncio

from judge.questions import both_orders, lists, usable
from judge.rows import Judge
from judge.select import Scored, choose
from rounds.tables import Row


async def listwise(judge: Judge, prompt: Row, candidates: list[Row]) -> list[Row]:
    """All verdict rows for one prompt."""
    kept = usable(candidates)
    if len(kept) < 2:
        return []
    rows = await lists(judge, prompt, kept)
    if any(row["ranking"] is None for row in rows):
        return rows
    pairs = choose(_ranked(kept, rows), judge.config.select)
    said = {(row["candidate_a"], row["candidate_b"]) for row in rows}
    ends = [(a["candidate_id"], b["candidate_id"]) for a, b in pairs]
    if len(judge.jury) == 1 and len(said) == 1 and ends == [*said]:
        return [row | {"purpose": "confirm"} for row in rows]
    confirmed = await asyncio.gather(*(both_orders(judge, prompt, *pair) for pair in pairs))
    return [*rows, *(row for both in confirmed for row in both)]


def _ranked(candidates: list[Row], rows: list[Row]) -> list[Scored]:
    """Mean place from below: 0 for the last of every ranking."""
    return [
        Scored(
            candidate,
            sum(row["ranking"][::-1].index(candidate["candidate_id"]) for row in rows) / len(rows),
        )
        for candidate in candidates
    ]
