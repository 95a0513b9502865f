"""What a call used: as its endpoint reports it, by the larger account; else an estimate.

Reports differ. Reasoning is part of completion_tokens (OpenAI), or beside them and in the total
alone (Gemini, Grok). What came from a cache is part of prompt_tokens (OpenAI, DeepSeek), or beside
them (Anthropic). Some numbers are floats or text, some are 0 whatever was written.
"""

import json
import math
from typing import Any, NamedTuple

from endpoints.config import Price

BYTES_A_TOKEN = 3
"""For an estimate, which is to be too high rather than too low: English has 4 to 5."""
TOKENS_A_MESSAGE = 4
UNKNOWN_LENGTH = 1024
"""Tokens of an answer that may be as long as it likes, before any is known."""


class Usage(NamedTuple):
    """Tokens of a call. `cached`: of the prompt's those read from a cache. `estimated`: not, or not
    wholly, reported."""

    prompt: int
    completion: int
    cached: int = 0
    estimated: bool = False


def usage_of(raw: dict[str, Any], body: dict[str, Any]) -> Usage:
    """The usage of a chat completion that answers the call `body`."""
    said = _mapping(raw.get("usage"))
    prompt = _number(said, "prompt_tokens", "input_tokens") or None  # no prompt has no tokens
    completion = _number(said, "completion_tokens", "output_tokens")
    total = _number(said, "total_tokens") or 0
    written = _written(raw, body)
    if not completion and written:
        completion = None
    if completion is None and prompt and total > prompt:
        completion = total - prompt
    elif prompt is None and completion is not None and total > completion:
        prompt = total - completion
    if prompt is None or completion is None:
        return _estimate(prompt, completion, total, written, body)
    prompt, cached = _with_cache(said, prompt, completion, total)
    reasoning = _detail(said, "completion_tokens_details", "reasoning_tokens") or 0
    if reasoning > completion:  # a part is not larger than the whole
        completion += reasoning
    return Usage(prompt, max(completion, total - prompt), min(cached, prompt))


def cost_of(usage: Usage, price: Price) -> float:
    """What a call costs, in the currency of the price."""
    cached = price.input if price.cached_input is None else price.cached_input
    fresh = usage.prompt - usage.cached
    whole = fresh * price.input + usage.cached * cached + usage.completion * price.output
    return float(whole / 1e6)


def most_usage(body: dict[str, Any]) -> Usage:
    """What a call may use at most, about, before it is sent."""
    return Usage(_prompt(body), _allowed(body) or UNKNOWN_LENGTH, estimated=True)


def _estimate(
    prompt: int | None, completion: int | None, total: int, written: int, body: dict[str, Any]
) -> Usage:
    """What is missing, from the texts; the total is right even where its parts are not known."""
    if completion is None:
        completion = min(written, total) if total and prompt is None else written
    if prompt is None:
        prompt = total - completion if total > completion else _prompt(body)
    return Usage(prompt, completion, estimated=True)


def _with_cache(said: dict[str, Any], prompt: int, completion: int, total: int) -> tuple[int, int]:
    """Prompt tokens with those from a cache, and how many these are."""
    within = max(
        _detail(said, "prompt_tokens_details", "cached_tokens") or 0,
        _number(said, "prompt_cache_hit_tokens", "cached_tokens") or 0,
    )
    read = _number(said, "cache_read_input_tokens") or 0
    apart = read + (_number(said, "cache_creation_input_tokens") or 0)
    if apart and ("prompt_tokens" not in said or total >= prompt + completion + apart):
        return prompt + apart, read
    if apart > prompt:
        return prompt + apart, read
    return prompt, max(within, read)


def _prompt(body: dict[str, Any]) -> int:
    """Tokens of what is sent, estimated; the schema counts, too."""
    messages = body.get("messages") or []
    schema = body.get("response_format")
    texts = [str(message.get("content") or "") for message in messages]
    texts += [json.dumps(schema)] if schema else []
    return sum(map(_tokens, texts)) + TOKENS_A_MESSAGE * len(messages)


def _written(raw: dict[str, Any], body: dict[str, Any]) -> int:
    """Tokens of what was written, estimated: of all its texts, or as many as there must be."""
    choice = _mapping(next(iter(raw.get("choices") or []), None))
    message, logprobs = _mapping(choice.get("message")), _mapping(choice.get("logprobs"))
    names = ("content", "refusal", "reasoning_content", "reasoning", "tool_calls")
    texts = (message.get(name) or "" for name in names)
    tokens = sum(_tokens(text if isinstance(text, str) else json.dumps(text)) for text in texts)
    content = logprobs.get("content")
    known = len(content) if isinstance(content, list) else 0
    cut = _allowed(body) if choice.get("finish_reason") == "length" else 0
    return max(tokens, known, cut)


def _allowed(body: dict[str, Any]) -> int:
    """The most tokens that a call lets be written; 0 where it does not say."""
    return _number(body, "max_completion_tokens", "max_tokens") or 0


def _tokens(text: str) -> int:
    return math.ceil(len(text.encode(errors="replace")) / BYTES_A_TOKEN)


def _detail(said: dict[str, Any], where: str, name: str) -> int | None:
    """A number under `where`, under the Responses API's name for it, or beside it."""
    other = where.replace("prompt", "input").replace("completion", "output")
    places = (_mapping(said.get(where)), _mapping(said.get(other)), said)
    return next((n for place in places if (n := _number(place, name)) is not None), None)


def _number(place: dict[str, Any], *names: str) -> int | None:
    """The first of these that is a number of tokens which a table can hold, rounded up."""
    for name in names:
        value = place.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            continue
        try:
            number = float(value)
        except (ValueError, OverflowError):
            continue
        if 0 <= number < 2**31:
            return math.ceil(number)
    return None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
