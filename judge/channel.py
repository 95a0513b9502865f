"""The channel between judge and verdict: what is sent, how a reply is read, how sure it is."""

from typing import Any, NamedTuple

from endpoints.answer import Answer
from endpoints.template import Template
from judge.likelihood import distribution, expected, wins
from judge.menu import (
    CLOSING_PAIRWISE,
    ONE_TOKEN_PAIRWISE,
    PAIRWISE,
    Choice,
    Menu,
    Value,
    json_schema,
)
from judge.rows import Judge, Question, Voice
from judge.rubric import Messages
from judge.verdict import Reading, read_closing, read_json, read_token
from rounds.ids import text_hash

MASS = 0.5
"""Probability that must lie on the menu for the rest to mean anything."""

PAIRWISE_MENUS = {"json": PAIRWISE, "token": ONE_TOKEN_PAIRWISE, "text": CLOSING_PAIRWISE}


class Heard(NamedTuple):
    """A reply, what was read in it, and what its fields may hold."""

    answer: Answer
    reading: Reading
    fields: dict[str, Menu]


async def ask(
    judge: Judge,
    voice: Voice,
    question: Question,
    messages: Messages,
    rubric: Template,
    fields: dict[str, Menu],
) -> Heard:
    """Ask, and read the reply: every field has a value of its menu, or there is a reason."""
    assert voice.ask is not None, "a voice asks or has a rule"
    arguments = body(judge, messages, fields)
    answer = await voice.ask(arguments, text_hash(rubric.text), question.repeat)
    if answer.failure is not None:
        return Heard(answer, Reading(None, None, answer.failure), fields)
    return Heard(answer, _read(judge, answer, fields), fields)


def body(judge: Judge, messages: Messages, fields: dict[str, Menu]) -> dict[str, Any]:
    """The chat-completion arguments of a call."""
    schema = {"response_format": json_schema(fields)} if judge.config.channel == "json" else {}
    return {"messages": messages, **schema, **judge.config.arguments}


def expected_score(heard: Heard, field: str) -> float:
    """The expected score where the endpoint gives probabilities, the score as written elsewhere."""
    assert heard.reading.values is not None, "there is no score without a reading"
    chances = _chances(heard, field)
    return float(heard.reading.values[field]) if chances is None else expected(chances)


def probability(heard: Heard, a_first: bool) -> float | None:
    """The probability that a is better, where the verdict is one field with probabilities."""
    chances = _chances(heard, "verdict") if "verdict" in heard.fields else None
    first, second = ("A", "B") if a_first else ("B", "A")
    return None if chances is None else wins(chances, first, second)


def _read(judge: Judge, answer: Answer, fields: dict[str, Menu]) -> Reading:
    channel = judge.config.channel
    if channel == "json":
        return read_json(answer.text, fields)
    ((name, menu),) = fields.items()
    if channel == "text":
        return read_closing(answer.text, name, menu)
    assert isinstance(menu, Choice), "one token cannot rank a list"
    reading = read_token(answer.text, name, menu)
    if not answer.logprobs:
        return Reading(None, None, "missing_logprobs")
    if _chances(Heard(answer, reading, fields), name) is None:
        return Reading(None, None, "off_menu")
    return reading


def _chances(heard: Heard, field: str) -> dict[Value, float] | None:
    place, menu = heard.reading.places.get(field), heard.fields[field]
    if place is None or not isinstance(menu, Choice):
        return None
    found = distribution(heard.answer.logprobs, heard.answer.text, place, menu)
    return None if found is None or found[1] < MASS else found[0]
