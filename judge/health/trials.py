"""Questions that test the judge and label nothing: rows of the split health.

On a sample of the round's prompts: the same question again, questions of the first round again,
worthless texts against real answers, three answers all against each other, a second judge.
"""

from collections.abc import Awaitable, Callable
from itertools import combinations
from math import comb

from judge.asking.questions import ORDERS, both_orders, compare, usable
from judge.asking.rows import Judge, Question
from judge.health.canaries import CANARIES, canary_candidates
from judge.health.config import Health
from judge.inputs import JudgedPrompt, is_ordered_comparison
from rounds.rows import Candidate, Prompt, Verdict
from rounds.verdicts import comparisons

Trial = Callable[[], Awaitable[list[Verdict]]]
"""A question that is still to be asked."""

REPEATS = 4
"""Questions of the round, and as many of the first one, that are repeated a prompt sampled."""

TRIAD = 3
"""Answers to a prompt that are compared all with each other."""

REPEAT = 1
"""Index of the repeated question; anchors are asked with the number of their round."""


def most_trial_calls(health: Health, prompts: int) -> dict[str, int]:
    """Calls that testing the judge takes at most in a round of so many prompts, by purpose.

    The anchors are of the first round, which may have had more prompts. Those of purpose `second`
    are made to `health.second`, all others to the judge itself.
    """
    sample = min(health.sample, prompts)
    return {
        "repeat": sample * REPEATS,
        "anchor": health.sample * REPEATS,
        "canary": sample * len(CANARIES) * len(ORDERS),
        "triad": sample * comb(TRIAD, 2) * len(ORDERS),
        "second": sample * len(ORDERS) if health.second else 0,
    }


def can_be_repeated(judged: JudgedPrompt) -> bool:
    """Whether the prompt's first verdict is one on two answers; a list is not asked again."""
    return _first_comparison(judged)[2]["kind"] == "pairwise"


def repeated(judge: Judge, judged: JudgedPrompt) -> Trial:
    """The prompt's first question again."""
    return _again(judge, judged, "repeat", REPEAT)


def anchored(judge: Judge, judged: JudgedPrompt, round_number: int) -> Trial:
    """A question of the first round, asked again in a later one."""
    return _again(judge, judged, "anchor", round_number)


def second_opinion(judge: Judge, judged: JudgedPrompt) -> Trial:
    """The prompt's first comparison by another judge, in both orders."""
    a, b, _ = _first_comparison(judged)
    return _in_both_orders(judge, judged.prompt, a, b, "second")


def canaries_and_triad(judge: Judge, judged: JudgedPrompt) -> tuple[list[Trial], list[Candidate]]:
    """The trials of one prompt against worthless texts and in a triad; rows of those texts."""
    a, b, _ = _first_comparison(judged)
    planted = canary_candidates(judged.prompt, a)
    trials = [_in_both_orders(judge, judged.prompt, a, canary, "canary") for canary in planted]
    pairwise = [row for row in judged.verdicts if row["kind"] == "pairwise"]
    compared = {frozenset(pair) for pair in comparisons(pairwise, None)}
    others = [row for row in usable(judged.candidates) if row not in (a, b)]
    triad = [a, b, *others][:TRIAD]
    for first, second in combinations(triad, 2) if len(triad) == TRIAD else ():
        if frozenset((first["candidate_id"], second["candidate_id"])) not in compared:
            trials.append(_in_both_orders(judge, judged.prompt, first, second, "triad"))
    return trials, planted


def _again(judge: Judge, judged: JudgedPrompt, purpose: str, repeat: int) -> Trial:
    a, b, verdict = _first_comparison(judged)
    prompt: Prompt = judged.prompt | {"split": "health"}
    question = Question("pairwise", prompt, a, b, verdict["shown_first"], purpose, repeat)

    async def ask() -> list[Verdict]:
        return [await compare(judge, judge.jury[0], question)]

    return ask


def _in_both_orders(
    judge: Judge, prompt: Prompt, a: Candidate, b: Candidate, purpose: str
) -> Trial:
    async def ask() -> list[Verdict]:
        return await both_orders(judge, prompt | {"split": "health"}, a, b, purpose)

    return ask


def _first_comparison(judged: JudgedPrompt) -> tuple[Candidate, Candidate, Verdict]:
    """The two candidates of the prompt's first comparison, and its first verdict row."""
    verdict = next(row for row in judged.verdicts if is_ordered_comparison(row))
    ((a, b),) = comparisons([verdict])
    by_id = {row["candidate_id"]: row for row in judged.candidates}
    return by_id[a], by_id[b], verdict
