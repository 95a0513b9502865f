"""The questions that strategies are made of: scores, comparisons in both orders, whole lists.

Each is one call or several to the jury; a call leaves one verdict row, whatever became of it.
"""

import asyncio
import random

from judge.asking.channel import Request, ask, probability_of_a, score_of
from judge.asking.reply import ANSWER_LETTERS, PAIRWISE_MENUS, Menu, Ranking, score_menu
from judge.asking.rows import Judge, Juror, Question, unasked, verdict_row
from judge.asking.rubric import listwise_messages, pairwise_messages, pointwise_messages
from judge.config import is_endpoint
from rounds.ids import digest
from rounds.rows import Candidate, Criterion, Prompt, Verdict

ORDERS = ("a", "b")
"""The orders in which an endpoint is shown a comparison, by which side is shown first."""

EVEN = 1e-9
"""Weighted criteria that differ by less weigh the same: 0.1 + 0.2 against 0.3."""


def usable(candidates: list[Candidate]) -> list[Candidate]:
    """Candidates worth paying for: not cut off, not empty, each text once."""
    kept: dict[str, Candidate] = {}
    for candidate in candidates:
        if candidate["finish_reason"] != "length" and candidate["text"].strip():
            kept.setdefault(candidate["text_hash"], candidate)
    return list(kept.values())


def shuffle(prompt: Prompt, candidates: list[Candidate]) -> list[Candidate]:
    """The candidates in an order that follows from the prompt and their ids alone."""
    ordered = sorted(candidates, key=lambda row: row["candidate_id"])
    random.Random(digest("shuffle", prompt["prompt_id"])).shuffle(ordered)
    return ordered


async def screen(judge: Judge, prompt: Prompt, candidates: list[Candidate]) -> list[Verdict]:
    """Every candidate scored alone, by the first of the jury; rows in the candidates' order."""
    questions = [
        Question("pointwise", prompt, candidate, None, None, "screen") for candidate in candidates
    ]
    calls = [score(judge, judge.jury[0], question) for question in questions]
    return list(await asyncio.gather(*calls))


async def both_orders(
    judge: Judge,
    prompt: Prompt,
    a: Candidate,
    b: Candidate,
    purpose: str = "confirm",
    repeat: int = 0,
) -> list[Verdict]:
    """One comparison by the whole jury: a shown first, then b shown first.

    Who sees no order (a rule) is asked once.
    """
    calls = [
        compare(judge, juror, Question("pairwise", prompt, a, b, first, purpose, repeat))
        for juror in judge.jury
        for first in orders(juror)
    ]
    return list(await asyncio.gather(*calls))


def orders(juror: Juror) -> tuple[str | None, ...]:
    """The orders in which a juror has to see a comparison."""
    no_order = juror.rule is not None or not is_endpoint(juror.judge_id)
    return (None,) if no_order else ORDERS


async def rank_twice(judge: Judge, prompt: Prompt, candidates: list[Candidate]) -> list[Verdict]:
    """All candidates ranked twice, the second time in the reverse of the first shuffled order.

    So whichever two come out at the ends, each of them was shown first once.
    """
    shuffled = shuffle(prompt, candidates)
    questions = [
        Question("listwise", prompt, shown[0], None, None, "screen", shown=shown)
        for shown in (shuffled, shuffled[::-1])
    ]
    calls = [rank(judge, judge.jury[0], question) for question in questions]
    return list(await asyncio.gather(*calls))


async def score(judge: Judge, juror: Juror, question: Question) -> Verdict:
    """Ask how good one candidate is; a row of kind pointwise."""
    if (row := unasked(judge, juror, question)) is not None:
        return row
    request = score_request(judge, question.prompt, question.a)
    reply = await ask(judge, juror, request, question.repeat)
    row = verdict_row(judge, juror, question, request.rubric, reply.reply, reply.parsed)
    if reply.parsed.values is None:
        return row
    scores = {name: score_of(reply, name) for name in request.fields}
    weights = judge.config.criteria
    return row | {
        "outcome": "scored",
        "score": _weighted(scores, weights),
        "criteria": _criteria(scores, weights),
    }


def score_request(judge: Judge, prompt: Prompt, candidate: Candidate) -> Request:
    """What is sent to score a candidate."""
    rubric, menu = judge.rubrics.pointwise, score_menu(judge.config.scale)
    messages = pointwise_messages(rubric, judge.secret, prompt, candidate["text"])
    fields: dict[str, Menu] = dict.fromkeys(judge.config.criteria or ("score",), menu)
    return Request(messages, rubric, fields, prompt["prompt_id"])


async def compare(judge: Judge, juror: Juror, question: Question) -> Verdict:
    """Ask which of two candidates is better, in one order; a row of kind pairwise."""
    if (row := unasked(judge, juror, question)) is not None:
        return row
    request, weights = compare_request(judge, question), judge.config.criteria
    a_first = question.shown_first == "a"
    reply = await ask(judge, juror, request, question.repeat)
    row = verdict_row(judge, juror, question, request.rubric, reply.reply, reply.parsed)
    if reply.parsed.values is None:
        return row
    points = {"A": 1.0, "B": -1.0, "tie": 0.0}
    for_a = {
        name: points[str(value)] * (1 if a_first else -1)
        for name, value in reply.parsed.values.items()
    }
    total = _weighted(for_a, weights)
    return row | {
        "outcome": "a" if total > EVEN else "b" if total < -EVEN else "tie",
        "probability": probability_of_a(reply, a_first),
        "criteria": _criteria(for_a, weights),
    }


def compare_request(judge: Judge, question: Question) -> Request:
    """What is sent to compare two candidates in one order."""
    assert question.b is not None, "a comparison is of two"
    rubric, menu = judge.rubrics.pairwise, PAIRWISE_MENUS[judge.config.channel]
    a, b = question.a["text"], question.b["text"]
    first, second = (a, b) if question.shown_first == "a" else (b, a)
    messages = pairwise_messages(rubric, judge.secret, question.prompt, first, second)
    fields: dict[str, Menu] = dict.fromkeys(judge.config.criteria or ("verdict",), menu)
    return Request(messages, rubric, fields, question.prompt["prompt_id"])


async def rank(judge: Judge, juror: Juror, question: Question) -> Verdict:
    """Ask for a ranking of all of a list; a row of kind listwise.

    Its candidate_a is the best and its candidate_b the worst that was named.
    """
    if (row := unasked(judge, juror, question)) is not None:
        return row
    shown = question.shown
    assert shown is not None, "a list needs its answers"
    request = rank_request(judge, question.prompt, shown)
    reply = await ask(judge, juror, request, question.repeat)
    row = verdict_row(judge, juror, question, request.rubric, reply.reply, reply.parsed)
    if reply.parsed.values is None:
        return row
    places = [ANSWER_LETTERS.index(letter) for letter in str(reply.parsed.values["ranking"])]
    ranking = [shown[place]["candidate_id"] for place in places]
    return row | {
        "candidate_a": ranking[0],
        "candidate_b": ranking[-1],
        "shown_first": "a" if places[0] < places[-1] else "b",
        "outcome": "a",
        "ranking": ranking,
    }


def rank_request(judge: Judge, prompt: Prompt, shown: list[Candidate]) -> Request:
    """What is sent to rank candidates, in the order shown."""
    rubric = judge.rubrics.listwise
    assert rubric is not None, "a list needs its rubric"
    texts = [row["text"] for row in shown]
    messages = listwise_messages(rubric, judge.secret, prompt, texts)
    return Request(messages, rubric, {"ranking": Ranking(len(shown))}, prompt["prompt_id"])


def _weighted(values: dict[str, float], weights: dict[str, float]) -> float:
    if not weights:
        (value,) = values.values()
        return value
    return sum(values[name] * weight for name, weight in weights.items()) / sum(weights.values())


def _criteria(values: dict[str, float], weights: dict[str, float]) -> list[Criterion] | None:
    return [{"name": name, "value": values[name]} for name in weights] or None
