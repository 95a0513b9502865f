"""What is wrong with an endpoint or its arguments: found before anything is spent."""

import inspect
from contextlib import suppress
from typing import Any

import openai
from openai.resources.chat.completions import AsyncCompletions

from endpoints.config import EndpointConfig
from endpoints.hub import model_folder
from rounds.errors import UserError, did_you_mean

OURS = {"self", "model", "messages", "response_format", "stream", "stream_options", "n"}
"""Arguments of a chat completion that are not the user's to set."""


def check_sampling(where: str, sampling: dict[str, Any]) -> None:
    """Raise UserError for a name that `chat.completions.create` does not take, or that is ours."""
    known = set(inspect.signature(AsyncCompletions.create).parameters) - OURS
    for name in sampling:
        if name in OURS:
            raise UserError(f"{where}.{name} is set by prefloop")
        if name not in known:
            hint = did_you_mean(name, known)
            raise UserError(
                f"{where}.{name}: chat completions take no such argument; {hint}{hint and ' '}"
                "What only some endpoints take goes under extra_body."
            )


def check_endpoint(name: str, config: EndpointConfig, key: str) -> None:
    """Raise UserError where an endpoint cannot be reached, refuses the key or lacks the model.

    It asks for the list of models and then sends a chat without messages, which every endpoint
    refuses, but only after it has looked at the key: nothing is generated and nothing is paid.
    """
    where = f"endpoints.{name}"
    if config.serve is not None:
        model_folder(config.serve.model)
        return
    with openai.OpenAI(
        base_url=config.base_url, api_key=key, timeout=min(config.timeout, 20), max_retries=1
    ) as client:
        try:
            models = _models(client)
            with suppress(openai.BadRequestError, openai.UnprocessableEntityError):
                client.chat.completions.create(model=str(config.model), messages=[], max_tokens=1)
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            source = config.api_key_env or config.api_key_block or "no key is configured"
            raise UserError(f"{where}: {config.base_url} refused the key ({source})") from error
        except openai.NotFoundError as error:
            raise UserError(
                f"{where}: {config.base_url} has no chat completions for {config.model}; "
                "correct base_url (does it end in /v1?) or model"
            ) from error
        except openai.APIConnectionError as error:
            raise UserError(
                f"{where}: nothing answers at {config.base_url}; start the server or correct "
                "base_url"
            ) from error
        except openai.APIStatusError as error:
            raise UserError(f"{where}: {config.base_url} answered {error.status_code}") from error
        except (ValueError, AttributeError) as error:  # what came is no list of models
            raise UserError(
                f"{where}: {config.base_url} is no OpenAI-compatible API; "
                "correct base_url (does it end in /v1?)"
            ) from error
    if models and config.model not in models:
        shown = ", ".join(models[:8])
        raise UserError(f"{where}.model: {config.model} is not among the models there ({shown})")


def _models(client: openai.OpenAI) -> list[str]:
    """The models an endpoint lists; none where it has no such list."""
    try:
        return [model.id for model in client.models.list()]
    except openai.NotFoundError:
        return []
