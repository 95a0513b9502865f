"""All candidates ranked in one call, twice, the second time in reverse order.

2 to 6 calls, 4 mostly, whatever N is. The two rankings are averaged. Where both put the same
candidate on top and the same at the bottom, the reversal has shown the two in both orders and they
are confirmed; otherwise best and worst of the average are compared pairwise.
"""

from judge.asking.questions import lists, usable
from judge.asking.rows import Judge
from judge.strategies.confirm import confirm
from judge.strategies.select import Scored, choose
from rounds.tables import Row


async def listwise(judge: Judge, prompt: Row, candidates: list[Row]) -> list[Row]:
    """All verdict rows for one prompt."""
    kept = usable(candidates)
    if len(kept) < 2:
        return []
    rows = await lists(judge, prompt, kept)
    if any(row["ranking"] is None for row in rows):
        return rows
    scored = _ranked(kept, rows)
    select = judge.config.select
    alone = len(judge.jury) == 1 and select.pairs == 1
    if alone and _same_ends(rows, choose(scored, select, 1)):
        return [row | {"purpose": "confirm"} for row in rows]
    return [*rows, *await confirm(judge, prompt, scored)]


def _same_ends(rows: list[Row], pairs: list[tuple[Row, Row]]) -> bool:
    """Whether both rankings begin and end with the two that are selected."""
    ends = {(row["candidate_a"], row["candidate_b"]) for row in rows}
    return ends == {(a["candidate_id"], b["candidate_id"]) for a, b in pairs}


def _ranked(candidates: list[Row], rows: list[Row]) -> list[Scored]:
    """Mean place from below: 0 for the last of every ranking."""
    return [
        Scored(
            candidate,
            sum(row["ranking"][::-1].index(candidate["candidate_id"]) for row in rows) / len(rows),
        )
        for candidate in candidates
    ]
