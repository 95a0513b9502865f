"""Score every candidate alone, then confirm the best against the worst in both orders.

N + 2 calls, and 2 more where the first comparison is undecided. The screen is free of order
effects and hard to game; the confirmation catches what the screen got wrong. A prompt whose
candidates look alike stops after the screen.
"""

from judge.asking.questions import screen, usable
from judge.asking.rows import Judge
from judge.config import Select
from judge.strategies.confirm import confirm, most_confirm_calls
from judge.strategies.select import Scored
from judge.strategies.strategy import Strategy
from rounds.rows import Candidate, Prompt, Verdict


async def screen_confirm(
    judge: Judge, prompt: Prompt, candidates: list[Candidate]
) -> list[Verdict]:
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


def most_calls(n: int, select: Select, jury: int) -> int:
    """A score for each, by the first of the jury, and the comparisons."""
    return n + most_confirm_calls(n, select, jury)


SCREEN_CONFIRM = Strategy(screen_confirm, most_calls, selects=True)
