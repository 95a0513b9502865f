"""The channel between judge and verdict: what is sent, how a reply is read, how sure it is."""

from typing import Any, NamedTuple

from endpoints.reply import Reply
from endpoints.template import Template
from judge.asking.logprobs import distribution, expected, wins
from judge.asking.reply import (
    CLOSING_PAIRWISE,
    ONE_TOKEN_PAIRWISE,
    PAIRWISE,
    Choice,
    Menu,
    Reading,
    Value,
    json_schema,
    read_closing,
    read_json,
    read_token,
)
from judge.asking.rows import Judge, Juror, Question
from judge.asking.rubric import Messages
from rounds.ids import text_hash

MASS = 0.5
"""Probability that must lie on the menu for the rest to mean anything."""

PAIRWISE_MENUS = {"json": PAIRWISE, "token": ONE_TOKEN_PAIRWISE, "text": CLOSING_PAIRWISE}


class JudgeReply(NamedTuple):
    """A reply, what was read in it, and what its fields may hold."""

    answer: Reply
    reading: Reading
    fields: dict[str, Menu]


async def ask(
    judge: Judge,
    voice: Juror,
    question: Question,
    messages: Messages,
    rubric: Template,
    fields: dict[str, Menu],
) -> JudgeReply:
    """Ask, and read the reply: every field has a value of its menu, or there is a reason."""
    assert voice.ask is not None, "a voice asks or has a rule"
    arguments = body(judge, messages, fields)
    answer = await voice.ask(arguments, text_hash(rubric.text), question.repeat)
    if answer.failure is not None:
        return JudgeReply(answer, Reading(None, None, answer.failure), fields)
    return JudgeReply(answer, _read(judge, answer, fields), fields)


def body(judge: Judge, messages: Messages, fields: dict[str, Menu]) -> dict[str, Any]:
    """The chat-completion arguments of a call."""
    schema = {"response_format": json_schema(fields)} if judge.config.channel == "json" else {}
    return {"messages": messages, **schema, **judge.config.arguments}


def expected_score(heard: JudgeReply, field: str) -> float:
    """The expected score where the endpoint gives probabilities, the score as written elsewhere."""
    assert heard.reading.values is not None, "there is no score without a reading"
    chances = _chances(heard, field)
    return float(heard.reading.values[field]) if chances is None else expected(chances)


def probability(heard: JudgeReply, a_first: bool) -> float | None:
    """The probability that a is better, where the verdict is one field with probabilities."""
    chances = _chances(heard, "verdict") if "verdict" in heard.fields else None
    first, second = ("A", "B") if a_first else ("B", "A")
    return None if chances is None else wins(chances, first, second)


def _read(judge: Judge, answer: Reply, fields: dict[str, Menu]) -> Reading:
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
    if _chances(JudgeReply(answer, reading, fields), name) is None:
        return Reading(None, None, "off_menu")
    return reading


def _chances(heard: JudgeReply, field: str) -> dict[Value, float] | None:
    place, menu = heard.reading.places.get(field), heard.fields[field]
    if place is None or not isinstance(menu, Choice):
        return None
    found = distribution(heard.answer.logprobs, heard.answer.text, place, menu)
    return None if found is None or found[1] < MASS else found[0]
