"""What is wrong with an endpoint or its arguments: found before anything is spent."""

import inspect
import json
from typing import Any

import openai
from openai.resources.chat.completions import AsyncCompletions

from endpoints.config import EndpointConfig
from endpoints.hub import model_folder
from endpoints.open import headers_of
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

    One that `has_answered` at this address before is only away for now: it is waited for when it is
    asked, and what is returned says so.

    It asks for the list of models and then sends a chat without messages, which every endpoint
    refuses, but only after it has looked at the key: nothing is generated and nothing is paid. Some
    have no list, and some refuse such a chat with 404, 429 or 500: where one of the two looks like
    an API, the questions that are tried before a round decide (`endpoints.settle`).
    """
    where = f"endpoints.{name}"
    if config.serve is not None:
        model_folder(config.serve.model)
        return None
    with openai.OpenAI(
        base_url=config.base_url,
        api_key=key,
        timeout=min(config.timeout, 20),
        max_retries=1,
        default_headers=headers_of(name, config),
    ) as client:
        try:
            models = _models(client)
            chats = _takes_chats(client, str(config.model))
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            source = config.api_key_env or config.api_key_block or "no key is configured"
            raise UserError(f"{where}: {config.base_url} refused the key ({source})") from error
        except openai.APIConnectionError as error:
            if has_answered and config.wait_for > 0:
                return (
                    f"endpoint {name}: nothing answers at {config.base_url} for now; a stage that "
                    f"asks it waits up to {duration(config.wait_for)} (endpoints.{name}.wait_for)"
                )
            raise UserError(
                f"{where}: nothing answers at {config.base_url}; start the server or correct "
                "base_url"
            ) from error
    if models is None and not chats:
        raise UserError(
            f"{where}: {config.base_url} is no OpenAI-compatible API with chat completions for "
            f"{config.model}; correct base_url (does it end in /v1?) or model"
        )
    if models and config.model not in models:
        shown = ", ".join(models[:8])
        raise UserError(f"{where}.model: {config.model} is not among the models there ({shown})")
    return None


def _models(client: openai.OpenAI) -> list[str] | None:
    """The models an endpoint lists; None where it has no such list."""
    try:
        listed = _parsed(client.get("/models", cast_to=str))
    except (openai.AuthenticationError, openai.PermissionDeniedError):
        raise
    except openai.APIStatusError:
        return None
    data = listed.get("data") if isinstance(listed, dict) else None
    if not isinstance(data, list):
        return None
    return [str(model["id"]) for model in data if isinstance(model, dict) and "id" in model]


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
