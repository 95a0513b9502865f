"""The questions that strategies are made of: scores, comparisons in both orders, whole lists."""

import asyncio
import random

from endpoints.template import Template
from judge.asking.channel import PAIRWISE_MENUS, ask, expected_score, probability
from judge.asking.reply import LABELS, Menu, Ranking, scores
from judge.asking.rows import Judge, Juror, Question, ruled_row, verdict_row
from judge.asking.rubric import Messages, listwise_messages, pairwise_messages, pointwise_messages
from rounds.ids import digest
from rounds.tables import Row


def usable(candidates: list[Row]) -> list[Row]:
    """Candidates worth paying for: not cut off, not empty, each text once."""
    kept: dict[str, Row] = {}
    for candidate in candidates:
        if candidate["finish_reason"] != "length" and candidate["text"].strip():
            kept.setdefault(candidate["text_hash"], candidate)
    return list(kept.values())


async def screen(judge: Judge, prompt: Row, candidates: list[Row]) -> list[Row]:
    """Every candidate scored alone, by the first of the jury; rows in the candidates' order."""
    questions = [
        Question("pointwise", prompt, candidate, None, None, "screen") for candidate in candidates
    ]
    return list(await asyncio.gather(*(score(judge, judge.jury[0], each) for each in questions)))


async def both_orders(
    judge: Judge, prompt: Row, a: Row, b: Row, purpose: str = "confirm", repeat: int = 0
) -> list[Row]:
    """One comparison by the whole jury: a shown first, then b shown first.

    Who sees no order (a rule) is asked once.
    """
    calls = [
        compare(judge, voice, Question("pairwise", prompt, a, b, first, purpose, repeat))
        for voice in judge.jury
        for first in orders(voice)
    ]
    return list(await asyncio.gather(*calls))


def orders(voice: Juror) -> tuple[str | None, ...]:
    """The orders in which a voice has to see a comparison."""
    return (None,) if voice.rule is not None else ("a", "b")


async def lists(judge: Judge, prompt: Row, candidates: list[Row]) -> list[Row]:
    """All candidates ranked twice, the second time in the reverse of the first shuffled order.

    So whichever two come out at the ends, each of them was shown first once.
    """
    shuffled = shuffle(prompt, candidates)
    questions = [
        Question("listwise", prompt, shown[0], None, None, "screen", shown=shown)
        for shown in (shuffled, shuffled[::-1])
    ]
    return list(await asyncio.gather(*(rank(judge, judge.jury[0], each) for each in questions)))


def shuffle(prompt: Row, candidates: list[Row]) -> list[Row]:
    """The candidates in an order that follows from the prompt and their ids alone."""
    ordered = sorted(candidates, key=lambda row: str(row["candidate_id"]))
    random.Random(digest("shuffle", prompt["prompt_id"])).shuffle(ordered)
    return ordered


EVEN = 1e-9
"""Weighted criteria that differ by less weigh the same: 0.1 + 0.2 against 0.3."""


async def score(judge: Judge, voice: Juror, question: Question) -> Row:
    """Ask how good one candidate is; a row of kind pointwise."""
    if voice.rule is not None:
        return ruled_row(judge, voice, question)
    messages, rubric, fields = score_request(judge, question.prompt, question.a)
    heard = await ask(judge, voice, question, messages, rubric, fields)
    row = verdict_row(judge, voice, question, rubric, heard.answer, heard.reading)
    if heard.reading.values is None:
        return row
    found, weights = {name: expected_score(heard, name) for name in fields}, judge.config.criteria
    return row | {
        "outcome": "scored",
        "score": _weighted(found, weights),
        "criteria": _criteria(found, weights),
    }


def score_request(
    judge: Judge, prompt: Row, candidate: Row
) -> tuple[Messages, Template, dict[str, Menu]]:
    """What is sent to score a candidate: messages, rubric and the fields of the reply."""
    rubric, menu = judge.rubrics.pointwise, scores(judge.config.scale)
    messages = pointwise_messages(rubric, judge.secret, prompt, candidate["text"])
    return messages, rubric, dict.fromkeys(judge.config.criteria or ("score",), menu)


async def compare(judge: Judge, voice: Juror, question: Question) -> Row:
    """Ask which of two candidates is better, in one order; a row of kind pairwise."""
    if voice.rule is not None:
        return ruled_row(judge, voice, question)
    assert question.b is not None, "a comparison is of two"
    rubric, weights = judge.rubrics.pairwise, judge.config.criteria
    a_first = question.shown_first == "a"
    a, b = question.a["text"], question.b["text"]
    first, second = (a, b) if a_first else (b, a)
    messages = pairwise_messages(rubric, judge.secret, question.prompt, first, second)
    menu = PAIRWISE_MENUS[judge.config.channel]
    fields: dict[str, Menu] = {name: menu for name in weights or ("verdict",)}
    heard = await ask(judge, voice, question, messages, rubric, fields)
    row = verdict_row(judge, voice, question, rubric, heard.answer, heard.reading)
    if heard.reading.values is None:
        return row
    worth = {"A": 1.0, "B": -1.0, "tie": 0.0}
    found = {
        name: worth[str(value)] * (1 if a_first else -1)
        for name, value in heard.reading.values.items()
    }
    total = _weighted(found, weights)
    return row | {
        "outcome": "a" if total > EVEN else "b" if total < -EVEN else "tie",
        "probability": probability(heard, a_first),
        "criteria": _criteria(found, weights),
    }


async def rank(judge: Judge, voice: Juror, question: Question) -> Row:
    """Ask for a ranking of all of a list; a row of kind listwise.

    Its candidate_a is the best and its candidate_b the worst that was named.
    """
    rubric, shown = judge.rubrics.listwise, question.shown
    assert rubric is not None and shown is not None, "a list needs its rubric and its answers"
    texts = [row["text"] for row in shown]
    messages = listwise_messages(rubric, judge.secret, question.prompt, texts)
    fields: dict[str, Menu] = {"ranking": Ranking(len(shown))}
    heard = await ask(judge, voice, question, messages, rubric, fields)
    row = verdict_row(judge, voice, question, rubric, heard.answer, heard.reading)
    if heard.reading.values is None:
        return row
    places = [LABELS.index(label) for label in str(heard.reading.values["ranking"])]
    ranking = [shown[place]["candidate_id"] for place in places]
    return row | {
        "candidate_a": ranking[0],
        "candidate_b": ranking[-1],
        "shown_first": "a" if places[0] < places[-1] else "b",
        "outcome": "a",
        "ranking": ranking,
    }


def _weighted(found: dict[str, float], weights: dict[str, float]) -> float:
    if not weights:
        (value,) = found.values()
        return value
    return sum(found[name] * weight for name, weight in weights.items()) / sum(weights.values())


def _criteria(found: dict[str, float], weights: dict[str, float]) -> list[Row] | None:
    return [{"name": name, "value": found[name]} for name in weights] or None
