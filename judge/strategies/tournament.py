"""Best and worst together by matches in both orders: 3 N - 2 calls, one more for an odd N.

Candidates meet in pairs; winners play on for the best, losers for the worst. A match is decided
by the mean of both orders (probabilities where there are any); an even one goes to the candidate
that stands first, which chooses what is compared and labels nothing. Best and worst are confirmed
in both orders unless they have met.
"""

import asyncio

from judge.asking.questions import both_orders, shuffle, usable
from judge.asking.rows import Judge
from rounds.tables import Row
from rounds.verdicts import chance


async def tournament(judge: Judge, prompt: Row, candidates: list[Row]) -> list[Row]:
    """All verdict rows for one prompt."""
    kept = shuffle(prompt, usable(candidates))
    if len(kept) < 2:
        return []
    (winners, losers), first = await _matches(judge, prompt, kept)
    left_over = kept[len(winners) + len(losers) :]
    (best, upper), (worst, lower) = await asyncio.gather(
        _knockout(judge, prompt, winners + left_over, 0),
        _knockout(judge, prompt, losers + left_over, 1),
    )
    rows = [*first, *upper, *lower]  # in this order, whoever answered first
    if best is worst:
        return rows
    met = {best["candidate_id"], worst["candidate_id"]}
    final = [row for row in rows if {row["candidate_a"], row["candidate_b"]} == met]
    if final:
        return [row | {"purpose": "confirm"} if row in final else row for row in rows]
    return [*rows, *await both_orders(judge, prompt, best, worst)]


async def _knockout(
    judge: Judge, prompt: Row, field: list[Row], side: int
) -> tuple[Row, list[Row]]:
    """The last one left and the verdicts on the way; `side` 0 lets winners go on, 1 losers."""
    rows: list[Row] = []
    while len(field) > 1:
        sides, played = await _matches(judge, prompt, field)
        rows += played
        field = sides[side] + field[2 * len(sides[side]) :]
    return field[0], rows


async def _matches(
    judge: Judge, prompt: Row, field: list[Row]
) -> tuple[tuple[list[Row], list[Row]], list[Row]]:
    """Neighbours play each other; (winners, losers) and the verdicts. One left over has not."""
    pairs = list(zip(field[::2], field[1::2], strict=False))
    played = await asyncio.gather(*(both_orders(judge, prompt, a, b, "screen") for a, b in pairs))
    winners, losers = [], []
    for (a, b), verdicts in zip(pairs, played, strict=True):
        ahead = chance(verdicts) >= 0.5
        winners.append(a if ahead else b)
        losers.append(b if ahead else a)
    return (winners, losers), [row for verdicts in played for row in verdicts]
