"""Two candidates, compared in both orders. 2 calls."""

from judge.asking.questions import both_orders, usable
from judge.asking.rows import Judge
from judge.config import Select
from judge.strategies.strategy import Strategy
from rounds.rows import Candidate, Prompt, Verdict


async def pairwise(judge: Judge, prompt: Prompt, candidates: list[Candidate]) -> list[Verdict]:
    """All verdict rows for one prompt."""
    kept = usable(candidates)
    return await both_orders(judge, prompt, kept[0], kept[1]) if len(kept) == 2 else []


def most_calls(n: int, select: Select, jury: int) -> int:
    """Both orders by everyone."""
    return 2 * jury


PAIRWISE = Strategy(pairwise, most_calls)
