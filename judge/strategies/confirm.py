"""Confirming what looks best against what looks worst, with a second chance."""

import asyncio
from collections.abc import Awaitable, Callable

from judge.asking.questions import both_orders
from judge.asking.rows import Judge
from judge.config import Select
from judge.strategies.select import Scored, choose
from rounds.tables import Row
from rounds.verdicts import settle

ENDS = ("best_worst", "best_sigma")
"""Rules by which the first comparison is of the ends: a tie there leaves nothing in between."""

Compare = Callable[[Row, Row], Awaitable[list[Row]]]


async def confirm(judge: Judge, prompt: Row, scored: list[Scored]) -> list[Row]:
    """Compare the selected candidates in both orders until the pairs are found, or hopeless.

    Where the judge does not confirm what looks better, the next candidates are tried, up to
    `select.tries` comparisons a pair. A tie at the ends is one in between, too.
    """

    async def compare(a: Row, b: Row) -> list[Row]:
        return await both_orders(judge, prompt, a, b)

    return await until_found(compare, scored, judge.config.select)


async def until_found(compare: Compare, scored: list[Scored], select: Select) -> list[Row]:
    """`confirm` with any way to compare two candidates."""
    spare = choose(scored, select, select.pairs * select.tries)
    rows: list[Row] = []
    wanted = select.pairs
    while wanted and spare:
        now, spare = spare[:wanted], spare[wanted:]
        found = await asyncio.gather(*(compare(a, b) for a, b in now))
        for (better, _), verdicts in zip(now, found, strict=True):
            rows += verdicts
            outcome = settle(verdicts).outcome
            if outcome == "tie" and select.rule in ENDS:
                spare = []
            elif outcome in ("a", "b"):
                wanted -= verdicts[0][f"candidate_{outcome}"] == better["candidate_id"]
    return rows
