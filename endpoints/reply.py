"""What comes of a call: the answer as the endpoint sent it, and what it means."""

import math
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from endpoints.usage import Usage, usage_of
from rounds.errors import Stopped, WorkFailed

LOGPROBS_KEPT = 64
"""Tokens whose log-probabilities are kept: a verdict is at the end, and a rationale's would make
the journal a hundred times as large."""

STOPS = {"stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete"}
"""How servers call an end by the model itself: OpenAI and most, mistral.rs and others, TGI,
Anthropic's (twice), Cohere."""

UNLIKELY = math.log(1e-4)
"""Log-probability below which an alternative is not kept."""


class EndpointLost(WorkFailed):
    """The endpoint no longer answers. The journal has what was answered; a retry asks the rest."""


class EndpointRefuses(EndpointLost, Stopped):
    """The endpoint will not answer however often it is asked: the key, the quota, every request."""

    then = "change what it refuses, then run the same command again"


class EndpointAway(EndpointLost, Stopped):
    """Nothing has answered at the endpoint's address for as long as is waited for one."""

    then = "start it, or wait until it is there, and run the same command again"


class EndpointBusy(EndpointLost, Stopped):
    """The endpoint is not to be asked before a time that is too far away to wait for."""

    then = "run the same command again after that"


class Reply(NamedTuple):
    """A call's outcome: the text, or why there is none.

    `failure` is None or one of refused, content_filter, truncated, empty (paid for, but no answer),
    api_error (none came), budget and not_asked (never sent). `logprobs` is the content list of the
    choice, of its last LOGPROBS_KEPT tokens, as the endpoint sent it. `cached_tokens` are among the
    prompt's; `estimated` says that the endpoint did not report its tokens.
    """

    key: str
    text: str
    failure: str | None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    paid_now: bool = False
    detail: str = ""
    finish_reason: str = ""
    logprobs: list[dict[str, Any]] | None = None
    cached_tokens: int = 0
    estimated: bool = False


Ask = Callable[..., Awaitable[Reply]]
"""`ask(body, rubric, repeat=0)`; `body` holds chat-completion arguments without the model."""


def is_completion(raw: object) -> bool:
    """Whether it is a chat completion at all: some send a web page or an error with status 200."""
    choices = raw.get("choices") if isinstance(raw, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return isinstance(first, dict) and isinstance(first.get("message"), dict)


def prune_logprobs(raw: dict[str, Any]) -> None:
    """Cut a chat completion's log-probabilities to what says something, in place.

    The last LOGPROBS_KEPT tokens, without alternatives below UNLIKELY, and without the bytes of a
    token that is its own text. What is no list of tokens is not kept.
    """
    logprobs = raw["choices"][0].get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    kept = content[-LOGPROBS_KEPT:] if isinstance(content, list) else []
    if not kept or not all(_is_token(entry) for entry in kept):
        raw["choices"][0]["logprobs"] = None
        return
    raw["choices"][0]["logprobs"] = {"content": kept}
    for entry in kept:
        alternatives = filter(_is_token, entry.get("top_logprobs") or [])
        entry["top_logprobs"] = [token for token in alternatives if token["logprob"] > UNLIKELY]
        for token in (entry, *entry["top_logprobs"]):
            if token.get("bytes") == list(token["token"].encode(errors="replace")):
                del token["bytes"]


def _is_token(entry: object) -> bool:
    if not isinstance(entry, dict):
        return False
    raw_bytes, alternatives = entry.get("bytes"), entry.get("top_logprobs")
    return (
        isinstance(entry.get("token"), str)
        and isinstance(entry.get("logprob"), (int, float))
        and (alternatives is None or isinstance(alternatives, list))
        and (raw_bytes is None or (isinstance(raw_bytes, list) and all(map(_is_byte, raw_bytes))))
    )


def _is_byte(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 256


def read_reply(
    key: str,
    body: dict[str, Any],
    raw: dict[str, Any],
    cost: float,
    paid_now: bool = False,
    usage: Usage | None = None,
) -> Reply:
    """A chat completion as a Reply; anything but a finished text is a failure.

    `usage` is that of the completion, where it is known already.
    """
    choice = raw["choices"][0]
    message = choice.get("message") or {}
    text, refusal = _text_of(message)
    finish = choice.get("finish_reason")
    finish = "stop" if isinstance(finish, str) and finish.lower() in STOPS else finish
    failure = None
    if refusal:
        failure, text = "refused", refusal
    elif finish == "content_filter":
        failure = "content_filter"
    elif finish != "stop" and not (finish == "length" and _one_token(body)):
        failure = "truncated"  # by length, or an end that the endpoint does not call one
    elif not text.strip():
        failure = "empty"
    logprobs = choice.get("logprobs")
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    usage = usage or usage_of(raw, body)
    return Reply(
        key,
        text.encode(errors="replace").decode(),  # half a character cannot be written to a table
        failure,
        usage.prompt,
        usage.completion,
        cost,
        paid_now,
        finish_reason=finish if isinstance(finish, str) else "",
        logprobs=tokens if isinstance(tokens, list) else None,
        cached_tokens=usage.cached,
        estimated=usage.estimated,
    )


def _text_of(message: dict[str, Any]) -> tuple[str, str]:
    """The text of a message and its refusal: content may be a list of parts, and what was thought
    beside it (reasoning_content, parts of another type) is no answer.
    """
    content, refusal = message.get("content"), message.get("refusal")
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    said = {"text": "", "refusal": str(refusal) if refusal else ""}
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "output_text":  # as the Responses API calls it
            kind = "text"
        if kind in said and isinstance(part.get(kind), str):
            said[kind] += str(part[kind])
    return said["text"], said["refusal"]


def _one_token(body: dict[str, Any]) -> bool:
    """A verdict of one token always ends by length."""
    allowed = body.get("max_tokens") or body.get("max_completion_tokens")
    return isinstance(allowed, int) and allowed <= 1
