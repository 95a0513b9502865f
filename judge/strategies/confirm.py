"""Confirming what looks best against what looks worst, with a second chance."""

import asyncio
from collections.abc import Awaitable, Callable

from judge.asking.questions import both_orders
from judge.asking.rows import Judge
from judge.config import Select
from judge.strategies.select import Scored, choose
from rounds.rows import Candidate, Prompt, Verdict
from rounds.verdicts import settle

ENDS = ("best_worst", "best_sigma")
"""Rules by which the first comparison is of the ends: a tie there leaves nothing in between."""

Compare = Callable[[Candidate, Candidate], Awaitable[list[Verdict]]]


async def confirm(judge: Judge, prompt: Prompt, scored: list[Scored]) -> list[Verdict]:
    """Compare the selected candidates in both orders until the pairs are found, or hopeless.

    Where the judge does not confirm what looks better, the next candidates are tried, up to
    `select.tries` comparisons a pair. A tie at the ends is one in between, too.
    """

    async def compare(a: Candidate, b: Candidate) -> list[Verdict]:
        return await both_orders(judge, prompt, a, b)

    return await until_found(compare, scored, judge.config.select)


async def until_found(compare: Compare, scored: list[Scored], select: Select) -> list[Verdict]:
    """`confirm` with any way to compare two candidates."""
    untried = choose(scored, select, select.pairs * select.tries)
    rows: list[Verdict] = []
    missing = select.pairs
    while missing and untried:
        tried, untried = untried[:missing], untried[missing:]
        compared = await asyncio.gather(*(compare(a, b) for a, b in tried))
        for (better, _), verdicts in zip(tried, compared, strict=True):
            rows += verdicts
            outcome = settle(verdicts).outcome
            if outcome == "tie" and select.rule in ENDS:
                untried = []
            elif outcome in ("a", "b"):
                winner = verdicts[0]["candidate_a" if outcome == "a" else "candidate_b"]
                missing -= winner == better["candidate_id"]
    return rows


def most_confirm_calls(n: int, select: Select, jury: int) -> int:
    """Calls that confirming takes at most where `n` candidates have scores."""
    return 2 * jury * min(select.pairs * select.tries, n // 2)
