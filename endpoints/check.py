"""What is wrong with an endpoint or its arguments: found before anything is spent."""

import inspect
import json
from itertools import combinations
from typing import Any

import openai
from openai.resources.chat.completions import AsyncCompletions

from endpoints.config import EndpointConfig
from endpoints.hub import model_folder
from endpoints.models import Card, cards_in, difference
from endpoints.open import headers_of
from endpoints.said import without_login
from endpoints.serve import devices_of
from endpoints.waits import duration
from rounds.errors import UserError, did_you_mean

NO_SUCH_PLACE = (404, 405)
OURS = {"self", "model", "messages", "response_format", "stream", "stream_options", "n"}
"""Arguments of a chat completion that are not the user's to set."""


def check_sampling(where: str, sampling: dict[str, Any]) -> None:
    """Raise UserError for a name that `chat.completions.create` does not take, or that is ours."""
    known = set(inspect.signature(AsyncCompletions.create).parameters) - OURS
    for name, value in sampling.items():
        if name == "response_format" and value is None:
            continue
        if name in OURS:
            raise UserError(f"{where}.{name} is set by prefloop")
        if name not in known:
            hint = did_you_mean(name, known)
            raise UserError(
                f"{where}.{name}: chat completions take no such argument; {hint}{hint and ' '}"
                "What only some endpoints take goes under extra_body."
            )


def check_endpoint(
    name: str, config: EndpointConfig, key: str, has_answered: bool = False
) -> str | None:
    """Raise UserError where an endpoint cannot be reached, refuses the key or lacks the model.

    Of several servers one that is down is left out, which what is returned says; all that are up
    have to serve one model, as far as their lists of models tell. An endpoint that `has_answered`
    at this address before is only away for now: it is waited for when it is asked, and what is
    returned says so.

    It asks for the list of models and then sends a chat without messages, which every endpoint
    refuses, but only after it has looked at the key: nothing is generated and nothing is paid. Some
    have no list, and some refuse such a chat with 404, 429 or 500: where one of the two looks like
    an API, the questions that are tried before a round decide (`endpoints.settle`).
    """
    where = f"endpoints.{name}"
    if config.serve is not None:
        model_folder(config.serve.model)
        devices_of(config.serve, f"{where}.serve")
        return None
    cards: dict[str, dict[str, Card] | None] = {}
    down: dict[str, Exception] = {}
    for address in config.addresses:
        try:
            cards[address] = _check_server(where, address, name, config, key)
        except openai.APIConnectionError as error:
            down[address] = error
    shown = ", ".join(map(without_login, down))
    if cards:
        _same_model(where, str(config.model), cards)
        if down:
            return (
                f"endpoint {name}: nothing answers at {shown} for now; the other servers are asked"
            )
        return None
    if has_answered and config.wait_for > 0:
        return (
            f"endpoint {name}: nothing answers at {shown} for now; a stage that asks it waits up "
            f"to {duration(config.wait_for)} (endpoints.{name}.wait_for)"
        )
    raise UserError(
        f"{where}: nothing answers at {shown}; start the server or correct base_url"
    ) from next(iter(down.values()))


def _check_server(
    where: str, address: str, name: str, config: EndpointConfig, key: str
) -> dict[str, Card] | None:
    """The models of one server. Raises UserError, and APIConnectionError where it is down."""
    plain = without_login(address)
    with openai.OpenAI(
        base_url=address,
        api_key=key,
        timeout=min(config.timeout, 20),
        max_retries=1,
        default_headers=headers_of(name, config),
    ) as client:
        try:
            cards = _models(client)
            chats = _takes_chats(client, str(config.model))
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            source = config.api_key_env or config.api_key_block or "no key is configured"
            raise UserError(f"{where}: {plain} refused the key ({source})") from error
    if cards is None and not chats:
        raise UserError(
            f"{where}: {plain} is no OpenAI-compatible API with chat completions for "
            f"{config.model}; correct base_url (does it end in /v1?) or model"
        )
    if cards and config.model not in cards:
        there = ", ".join(list(cards)[:8])
        at = "there" if len(config.addresses) == 1 else f"at {plain}"
        raise UserError(f"{where}.model: {config.model} is not among the models {at} ({there})")
    return cards


def _same_model(where: str, model: str, cards: dict[str, dict[str, Card] | None]) -> None:
    """Raise UserError where two servers show that they serve different models under one name."""
    listed = {address: shown[model] for address, shown in cards.items() if shown}
    for first, other in combinations(listed, 2):
        if differs := difference(listed[first], listed[other]):
            raise UserError(
                f"{where}.base_url: {without_login(other)} serves another {model} than "
                f"{without_login(first)} ({differs}); all servers of a list answer for one model: "
                "make it an endpoint of its own, or leave it out"
            )


def _models(client: openai.OpenAI) -> dict[str, Card] | None:
    """The models an endpoint lists; None where it has no such list."""
    try:
        return cards_in(client.get("/models", cast_to=str))
    except (openai.AuthenticationError, openai.PermissionDeniedError):
        raise
    except openai.APIStatusError:
        return None


def _takes_chats(client: openai.OpenAI, model: str) -> bool:
    """Whether what a chat without messages gets is an answer of an API, not of a web site."""
    body = {"model": model, "messages": [], "max_tokens": 1}
    try:
        return isinstance(_parsed(client.post("/chat/completions", cast_to=str, body=body)), dict)
    except (openai.AuthenticationError, openai.PermissionDeniedError):
        raise
    except openai.APIStatusError as error:
        return error.status_code not in NO_SUCH_PLACE


def _parsed(text: str) -> Any:
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except ValueError:
        return None
