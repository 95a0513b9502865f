"""All candidates ranked in one call, twice, the second time in reverse order.

2 to 6 calls, 4 mostly, whatever N is. The two rankings are averaged. Where both put the same
candidate on top and the same at the bottom, the reversal has shown the two in both orders and they
are confirmed; otherwise best and worst of the average are compared pairwise.
"""

from judge.asking.questions import rank_twice, usable
from judge.asking.rows import Judge
from judge.config import Select
from judge.strategies.confirm import confirm, most_confirm_calls
from judge.strategies.select import Scored, choose
from judge.strategies.strategy import Strategy
from rounds.rows import Candidate, Prompt, Verdict


async def listwise(judge: Judge, prompt: Prompt, candidates: list[Candidate]) -> list[Verdict]:
    """All verdict rows for one prompt."""
    kept = usable(candidates)
    if len(kept) < 2:
        return []
    rows = await rank_twice(judge, prompt, kept)
    rankings = [row["ranking"] for row in rows if row["ranking"] is not None]
    if len(rankings) < len(rows):
        return rows
    scored = _mean_places(kept, rankings)
    select = judge.config.select
    alone = len(judge.jury) == 1 and select.pairs == 1
    if alone and _same_ends(rows, choose(scored, select, 1)):
        return [row | {"purpose": "confirm"} for row in rows]
    return [*rows, *await confirm(judge, prompt, scored)]


def most_calls(n: int, select: Select, jury: int) -> int:
    """Two rankings, by the first of the jury, and the comparisons."""
    return 2 + most_confirm_calls(n, select, jury)


def _same_ends(rows: list[Verdict], pairs: list[tuple[Candidate, Candidate]]) -> bool:
    """Whether both rankings begin and end with the two that are selected."""
    ends = {(row["candidate_a"], row["candidate_b"]) for row in rows}
    return ends == {(a["candidate_id"], b["candidate_id"]) for a, b in pairs}


def _mean_places(candidates: list[Candidate], rankings: list[list[str]]) -> list[Scored]:
    """Mean place from below: 0 for the last of every ranking."""
    return [
        Scored(
            candidate,
            sum(ranking[::-1].index(candidate["candidate_id"]) for ranking in rankings)
            / len(rankings),
        )
        for candidate in candidates
    ]


LISTWISE = Strategy(listwise, most_calls, selects=True)
