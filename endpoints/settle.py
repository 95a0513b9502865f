"""Finding out how an endpoint wants to be asked: each kind of question once, before the round.

The question goes the way of all questions and is kept in the journal. What the endpoint refuses is
left out or said otherwise, as long as a reply is as sure without it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from endpoints.client import asking
from endpoints.config import EndpointConfig
from endpoints.dialect import PRESETS, Dialect, described, schema_of, spoken
from endpoints.journal import Journal
from endpoints.refusals import TOO_LONG, ParameterRefused, adapted, refused_parameter
from endpoints.reply import EndpointLost, EndpointRefuses, Reply
from endpoints.serve import LiveEndpoint
from endpoints.settled import Settled, form_of, recall, remember

MOST_CALLS = 3
"""Calls of one kind of question, refused ones among them, by which it must have been answered."""

RETRIES = 1
"""An endpoint that is down is found by the round itself, which waits for it."""

REFUSED = re.compile(r"(?:Error code: )?(?:40[0345]|41[35]|422|50[01])\b")
"""What a call that failed says where its arguments may be to blame."""

CUT = ("length", "max_tokens", "model_length")
"""How servers call an end by the limit on tokens."""

OFF_FORM = ("not_json", "off_menu", "two_verdicts")


class DryCall(NamedTuple):
    """A call that is made to try an endpoint out, and the texts that it is about.

    `read` says why a reply, failed or not, is of no use; None where it is of use.
    """

    body: dict[str, Any]
    rubric: str
    repeat: int
    texts: list[str]
    read: Callable[[Reply], str | None]


class DryQuestion(NamedTuple):
    """One kind of question that a round asks of an endpoint, as calls about different texts.

    `where` is the config section of its arguments. `needs` are arguments that cannot be left out,
    each with what to set where the endpoint does not take it.
    """

    kind: str
    where: str
    calls: list[DryCall]
    needs: Mapping[str, str]


class DryAnswer(NamedTuple):
    """What came of one kind of question: the texts that it was about, the last reply, and how many
    calls it took. `fault` says in a sentence why it is of no use and which setting would help,
    `down` that there was no answer at all for now.
    """

    kind: str
    texts: list[str]
    reply: Reply | None
    calls: int
    fault: str = ""
    down: str = ""


class Settlement(NamedTuple):
    """The dialect of an endpoint, what it answered, and what is special about it in words."""

    dialect: Dialect
    answers: list[DryAnswer]
    special: str


async def settle(
    name: str,
    config: EndpointConfig,
    live: LiveEndpoint,
    journal: Journal,
    questions: list[DryQuestion],
    again: bool = False,
) -> Settlement:
    """Ask an endpoint each kind of question that it has not answered yet (`again`: each).

    What is found is written beside the journal. It ends at the first answer with a fault.
    """
    known = recall(journal.folder, name, config)
    dialect, asked = known.dialect, dict(known.asked)
    answers: list[DryAnswer] = []
    times = known.times
    for question in questions:
        form = form_of(question.calls[0].body)
        if asked.get(question.kind) == form and not again:
            continue
        asker = _Asker(name, config, live, journal, known.times)
        dialect, answer = await _settle_kind(asker, question, dialect)
        answers.append(answer)
        if answer.fault or answer.down:
            dialect, times = known.dialect, times + bool(answer.fault)  # one that is mended is new
            break
        asked[question.kind] = form
    found = Settled(dialect, asked, times)
    if found != known:
        remember(journal.folder, name, config, found)
    return Settlement(dialect, answers, described(dialect))


class _Asker(NamedTuple):
    name: str
    config: EndpointConfig
    live: LiveEndpoint
    journal: Journal
    times: int

    async def ask(self, call: DryCall, dialect: Dialect) -> Reply | str:
        """The reply, or what the endpoint said where it refused."""
        patient = self.config.model_copy(
            update={"max_retries": min(self.config.max_retries, RETRIES), "wait_for": 0.0}
        )
        stream = asking(self.name, patient, self.live, self.journal, dialect=dialect)
        try:
            async with stream as ask:
                reply = await ask(call.body, call.rubric, call.repeat + self.times)
        except ParameterRefused as error:
            return error.said
        return reply.detail if reply.failure == "api_error" else reply


async def _settle_kind(
    asker: _Asker, question: DryQuestion, dialect: Dialect
) -> tuple[Dialect, DryAnswer]:
    """The dialect in which the endpoint answers the question, or why there is none."""
    place = refusals = 0
    fault, reply = "", None
    for calls in range(1, MOST_CALLS + 1):
        call = question.calls[place]
        try:
            came = await asker.ask(call, dialect)
        except EndpointRefuses as error:
            return dialect, DryAnswer(question.kind, call.texts, None, calls, str(error))
        except EndpointLost as error:
            return dialect, DryAnswer(question.kind, call.texts, None, calls, down=str(error))
        if isinstance(came, str):
            if not REFUSED.match(came):
                return dialect, DryAnswer(question.kind, call.texts, None, calls, down=came)
            fault = _refusal(question, asker.name, spoken(call.body, dialect), came)
            tried = adapted(dialect, call.body, came, refusals, question.needs.keys())
            if tried is None:
                break
            dialect, refusals = tried, refusals + 1
            continue
        reply, reason = came, call.read(came)
        if reason is None:
            return dialect, DryAnswer(question.kind, call.texts, reply, calls)
        fault = _no_use(question, call.body, reply, reason)
        if reply.paid_now:  # a round may ask the same, and is to have an answer
            asker.journal.forget([reply.key], f"tried out, and of no use: {reason}")
        if reason == "missing_logprobs":
            break
        if reason in OFF_FORM and schema_of(call.body) is not None:
            dialect = dialect.model_copy(update={"schema_in_prompt": True})
        place = min(place + 1, len(question.calls) - 1)
    fault = f"endpoint {asker.name} ({question.kind}): {fault}"
    return dialect, DryAnswer(question.kind, question.calls[place].texts, reply, calls, fault)


def _refusal(question: DryQuestion, name: str, sent: dict[str, Any], said: str) -> str:
    """What an endpoint refused, in its own words, and the setting that avoids it."""
    if TOO_LONG.search(said):
        advice = f"set {question.where}.max_tokens to less, or take a model with more room"
    elif not (parameter := refused_parameter(said, sent)):
        names = ", ".join(PRESETS)
        advice = (
            f"leave arguments out by {question.where}.NAME: null, name its dialect by "
            f"endpoints.{name}.dialect ({names}), or correct base_url and model"
        )
    elif (needed := {"top_logprobs": "logprobs"}.get(parameter, parameter)) in question.needs:
        advice = question.needs[needed]
    elif parameter == "system":
        advice = "take a model that takes a system message"
    else:
        advice = f"set {question.where}.{parameter}: null"
    return f"it refuses the question ({said}); {advice}"


def _no_use(question: DryQuestion, body: dict[str, Any], reply: Reply, reason: str) -> str:
    """What is wrong with a reply, and the setting that helps."""
    said = f"it said {reply.text[:200]!r}" if reply.text else "it said nothing"
    limit = body.get("max_tokens") or body.get("max_completion_tokens")
    match reason:
        case "truncated" if reply.finish_reason in CUT:
            advice = f"set {question.where}.max_tokens above {limit}: thinking counts, too"
        case "truncated":
            said = f"it ends an answer by finish_reason {reply.finish_reason or None!r}"
            advice = "take an endpoint that says when an answer has ended"
        case "missing_logprobs":
            advice = question.needs.get("logprobs", "take an endpoint that gives logprobs")
        case "not_json" | "off_menu" | "two_verdicts" | "no_verdict":
            other = "json" if reason == "no_verdict" else "text"
            section = question.where.removesuffix(".sampling")
            advice = f"set {section}.channel: {other}, or name another model"
        case _:
            advice = "name another model"
    return f"its reply is of no use, {reason} ({said}); {advice}"
