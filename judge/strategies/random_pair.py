"""Two candidates at random, compared in both orders. 2 calls, and the widest choice of pairs."""

from judge.asking.questions import both_orders, shuffle, usable
from judge.asking.rows import Judge
from judge.config import Select
from judge.strategies.strategy import Strategy
from rounds.rows import Candidate, Prompt, Verdict


async def random_pair(judge: Judge, prompt: Prompt, candidates: list[Candidate]) -> list[Verdict]:
    """All verdict rows for one prompt."""
    kept = usable(candidates)
    if len(kept) < 2:
        return []
    a, b, *_ = shuffle(prompt, kept)
    return await both_orders(judge, prompt, a, b)


def most_calls(n: int, select: Select, jury: int) -> int:
    """Both orders by everyone."""
    return 2 * jury


RANDOM_PAIR = Strategy(random_pair, most_calls)
