"""Two candidates, compared in both orders. 2 calls."""

from judge.asking.questions import both_orders, usable
from judge.asking.rows import Judge
from rounds.tables import Row


async def pairwise(judge: Judge, prompt: Row, candidates: list[Row]) -> list[Row]:
    """All verdict rows for one prompt."""
    kept = usable(candidates)
    return await both_orders(judge, prompt, kept[0], kept[1]) if len(kept) == 2 else []
