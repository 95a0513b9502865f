"""Questions that test the judge and label nothing: rows of the split health.

On a sample of the round's prompts: the same question again, questions of the first round again,
worthless texts against real answers, three answers all against each other, a second judge.
"""

from collections.abc import Awaitable, Callable
from itertools import combinations

from judge.asking.questions import both_orders, compare, usable
from judge.asking.rows import Judge, Question
from judge.health.canaries import canaries
from judge.inputs import JudgedPrompt, is_placed
from rounds.tables import Row
from rounds.verdicts import comparisons

Work = Callable[[], Awaitable[list[Row]]]

REPEAT = 1
"""Index of the repeated question; anchors are asked with the number of their round."""


def can_be_repeated(subject: JudgedPrompt) -> bool:
    """Whether the prompt's first verdict is one on two answers; a list is not asked again."""
    return _compared(subject)[2]["kind"] == "pairwise"


def repeated(judge: Judge, subject: JudgedPrompt) -> Work:
    """The prompt's first question again."""
    return _again(judge, subject, "repeat", REPEAT)


def anchored(judge: Judge, subject: JudgedPrompt, number: int) -> Work:
    """A question of the first round, asked again in round `number`."""
    return _again(judge, subject, "anchor", number)


def second_opinion(judge: Judge, subject: JudgedPrompt) -> Work:
    """The prompt's first comparison by another judge, in both orders."""
    a, b, _ = _compared(subject)
    return _both(judge, subject, a, b, "second")


def trials(judge: Judge, subject: JudgedPrompt) -> tuple[list[Work], list[Row]]:
    """Canaries and a triad for one prompt, and the candidate rows of the canaries."""
    a, b, _ = _compared(subject)
    planted = canaries(subject.prompt, a)
    work = [_both(judge, subject, a, canary, "canary") for canary in planted]
    pairwise = [row for row in subject.verdicts if row["kind"] == "pairwise"]
    asked = {frozenset(pair) for pair in comparisons(pairwise, None)}
    third = next((row for row in usable(subject.candidates) if row not in (a, b)), None)
    for one, two in combinations([a, b, third], 2) if third else ():
        if frozenset((one["candidate_id"], two["candidate_id"])) not in asked:
            work.append(_both(judge, subject, one, two, "triad"))
    return work, planted


def _again(judge: Judge, subject: JudgedPrompt, purpose: str, repeat: int) -> Work:
    a, b, first = _compared(subject)
    prompt = subject.prompt | {"split": "health"}
    question = Question("pairwise", prompt, a, b, first["shown_first"], purpose, repeat)

    async def work() -> list[Row]:
        return [await compare(judge, judge.jury[0], question)]

    return work


def _both(judge: Judge, subject: JudgedPrompt, a: Row, b: Row, purpose: str) -> Work:
    async def work() -> list[Row]:
        return await both_orders(judge, subject.prompt | {"split": "health"}, a, b, purpose)

    return work


def _compared(subject: JudgedPrompt) -> tuple[Row, Row, Row]:
    """The two candidates of the prompt's first comparison, and its first verdict row."""
    first = next(row for row in subject.verdicts if is_placed(row))
    by_id = {row["candidate_id"]: row for row in subject.candidates}
    return by_id[first["candidate_a"]], by_id[first["candidate_b"]], first
