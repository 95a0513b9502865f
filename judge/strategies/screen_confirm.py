"""Score every candidate alone, then confirm the best against the worst in both orders.

N + 2 calls, and 2 more where the first comparison is undecided. The screen is free of order
effects and hard to game; the confirmation catches what the screen got wrong. A prompt whose
candidates look alike stops after the screen.
"""

from judge.asking.questions import screen, usable
from judge.asking.rows import Judge
from judge.strategies.confirm import confirm
from judge.strategies.select import Scored
from rounds.tables import Row


async def screen_confirm(judge: Judge, prompt: Row, candidates: list[Row]) -> list[Row]:
    """All verdict rows for one prompt."""
    kept = usable(candidates)
    if len(kept) < 2:
        return []
    rows = await screen(judge, prompt, kept)
    scored = [
        Scored(candidate, row["score"])
        for candidate, row in zip(kept, rows, strict=True)
        if row["score"] is not None
    ]
    return [*rows, *await confirm(judge, prompt, scored)]
