"""Two candidates at random, compared in both orders. 2 calls, and the widest choice of pairs."""

from judge.asking.questions import both_orders, shuffle, usable
from judge.asking.rows import Judge
from rounds.tables import Row


async def random_pair(judge: Judge, prompt: Row, candidates: list[Row]) -> list[Row]:
    """All verdict rows for one prompt."""
    kept = usable(candidates)
    if len(kept) < 2:
        return []
    a, b, *_ = shuffle(prompt, kept)
    return await both_orders(judge, prompt, a, b)
