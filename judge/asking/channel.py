"""The channel between judge and verdict: what is sent, how a reply is read, how sure it is."""

from typing import Any, NamedTuple

from endpoints.dialect import with_schema
from endpoints.reply import Reply
from endpoints.template import Template
from judge.asking.closing import read_closing
from judge.asking.logprobs import distribution, expected_value, probability_of_first
from judge.asking.reply import (
    Choice,
    Menu,
    ParsedReply,
    Value,
    json_schema,
    read_json,
    read_token,
)
from judge.asking.rows import Judge, Juror
from judge.config import Channel, JudgeConfig
from rounds.ids import text_hash
from rounds.rows import Messages

MIN_MASS = 0.5
"""Probability that must lie on the menu for the rest to mean anything."""


class Request(NamedTuple):
    """One call: its messages, the rubric that they were made by, and the fields of its reply.

    `near` is one for the calls about a prompt, which begin with the same words.
    """

    messages: Messages
    rubric: Template
    fields: dict[str, Menu]
    near: str = ""


class JudgeReply(NamedTuple):
    """A reply as it came, what it says, and what its fields may hold."""

    reply: Reply
    parsed: ParsedReply
    fields: dict[str, Menu]


async def ask(judge: Judge, juror: Juror, request: Request, repeat: int) -> JudgeReply:
    """Ask, and read the reply: every field has a value of its menu, or there is a reason.

    `repeat` tells a call that is made again from the first one.
    """
    assert juror.ask is not None, "a juror asks or has a rule"
    body, rubric_hash = request_body(judge.config, request), text_hash(request.rubric.text)
    reply = await juror.ask(body, rubric_hash, repeat, request.near)
    if reply.failure is not None:
        return JudgeReply(reply, ParsedReply(None, None, reply.failure), request.fields)
    return JudgeReply(reply, read(judge.config.channel, reply, request), request.fields)


def request_body(config: JudgeConfig, request: Request) -> dict[str, Any]:
    """The chat-completion arguments of a call."""
    if config.channel != "json":
        return {"messages": request.messages, **config.arguments}
    form = json_schema(request.fields)
    if "response_format" in config.sampling:  # null: the question alone says what is wanted
        messages = with_schema(request.messages, form["json_schema"]["schema"])
        return {"messages": messages, **config.arguments}
    return {"messages": request.messages, "response_format": form, **config.arguments}


def score_of(reply: JudgeReply, field: str) -> float:
    """The expected score where the endpoint gives probabilities, the score as written elsewhere."""
    assert reply.parsed.values is not None, "there is no score in what could not be read"
    value, probabilities = reply.parsed.values[field], _probabilities(reply, field)
    if probabilities is None or isinstance(value, float):  # 8.5 is no token of the menu
        return float(value)
    return expected_value(probabilities)


def probability_of_a(reply: JudgeReply, a_first: bool) -> float | None:
    """The probability that a is better, where the verdict is one field with probabilities."""
    probabilities = _probabilities(reply, "verdict") if "verdict" in reply.fields else None
    first, second = ("A", "B") if a_first else ("B", "A")
    return None if probabilities is None else probability_of_first(probabilities, first, second)


def read(channel: Channel, reply: Reply, request: Request) -> ParsedReply:
    """What a finished reply says."""
    fields = request.fields
    shown = "\n".join(turn["content"] for turn in request.messages)
    if channel == "json":
        return read_json(reply.text, fields, shown)
    ((name, menu),) = fields.items()
    if channel == "text":
        return read_closing(reply.text, name, menu, shown)
    assert isinstance(menu, Choice), "one token cannot rank a list"
    parsed = read_token(reply.text, name, menu)
    if not reply.logprobs:
        return ParsedReply(None, None, "missing_logprobs")
    if _probabilities(JudgeReply(reply, parsed, fields), name) is None:
        return ParsedReply(None, None, "off_menu")
    return parsed


def _probabilities(reply: JudgeReply, field: str) -> dict[Value, float] | None:
    """The probability of each value of a field; None where there are none that mean anything."""
    place, menu = reply.parsed.places.get(field), reply.fields[field]
    if place is None or not isinstance(menu, Choice):
        return None
    known = distribution(reply.reply.logprobs, reply.reply.text, place, menu)
    if known is None:
        return None
    probabilities, mass = known
    return None if mass < MIN_MASS else probabilities
