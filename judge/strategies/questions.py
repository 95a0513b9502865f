"""Questions about the article, answered from each summary alone; the ends are confirmed.

1 + N calls, 2 for the confirmation and 2 more where the first comparison is undecided. What answers
more questions looks better, and among equals what has fewer words. The best and the worst are then
compared pairwise in both orders by a judge that reads the article: no label rests on the questions
alone, and none contradicts them.
"""

from judge.asking.answered import by_questions
from judge.asking.questions import usable
from judge.asking.rows import ANSWERS, Judge
from judge.config import Select
from judge.strategies.confirm import confirm, most_confirm_calls
from judge.strategies.select import Scored
from judge.strategies.strategy import Strategy
from rounds.rows import Candidate, Prompt, Verdict


async def questions(judge: Judge, prompt: Prompt, candidates: list[Candidate]) -> list[Verdict]:
    """All verdict rows for one prompt."""
    kept = usable(candidates)
    if len(kept) < 2:
        return []
    rows = await by_questions(judge, prompt, kept)
    scores = {row["candidate_a"]: row["score"] for row in rows if row["kind"] == ANSWERS}
    scored = [
        Scored(candidate, score)
        for candidate in kept
        if (score := scores.get(candidate["candidate_id"])) is not None
    ]
    return [*rows, *await confirm(judge, prompt, scored)]


def most_calls(n: int, select: Select, jury: int) -> int:
    """The questions, the answers for each by the first of the jury, and the comparisons."""
    return 1 + n + most_confirm_calls(n, select, jury)


QUESTIONS_STRATEGY = Strategy(questions, most_calls, selects=True)
