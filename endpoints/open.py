"""Endpoints as a run uses them: checked before anything is spent, started when first needed."""

import inspect
import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import openai
from openai.resources.chat.completions import AsyncCompletions

from endpoints.config import EndpointConfig
from endpoints.hub import model_folder
from endpoints.serve import Live, serve
from rounds.errors import UserError
from rounds.stages import Progress, silent

ReadBlock = Callable[[str], str]

OURS = {"self", "model", "messages", "response_format", "stream", "stream_options", "n"}
"""Arguments of a chat completion that are not the user's to set."""


def reach_ourselves() -> None:
    """Our own servers listen on this machine; no proxy stands between."""
    for name in ("no_proxy", "NO_PROXY"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys([*hosts, "127.0.0.1", "localhost"]))


def api_key(name: str, config: EndpointConfig, read_block: ReadBlock | None = None) -> str:
    """The endpoint's key from its environment variable or Secret block; "EMPTY" if it has none."""
    if config.api_key_env:
        key = os.environ.get(config.api_key_env)
        if not key:
            where = f"endpoints.{name}.api_key_env"
            raise UserError(f"{where}: environment variable {config.api_key_env} is not set")
        return key
    if config.api_key_block:
        if read_block is None:
            raise UserError(f"endpoints.{name}.api_key_block: read inside a Prefect flow only")
        return read_block(config.api_key_block)
    return "EMPTY"


def check_sampling(where: str, sampling: dict[str, Any]) -> None:
    """Raise UserError for a name that `chat.completions.create` does not take, or that is ours."""
    known = set(inspect.signature(AsyncCompletions.create).parameters) - OURS
    for name in sampling:
        if name in OURS:
            raise UserError(f"{where}.{name} is set by prefloop")
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UserError(
                f"{where}.{name}: chat completions take no such argument; {hint}"
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


def read_endpoints(tree: dict[str, Any]) -> dict[str, EndpointConfig]:
    """The endpoints of a run.yaml."""
    return {
        name: EndpointConfig.model_validate(section) for name, section in tree["endpoints"].items()
    }


class Endpoints:
    """The endpoints of one run. A served model is started at its first use and kept to the end."""

    def __init__(
        self,
        configs: dict[str, EndpointConfig],
        logs: Path,
        progress: Progress = silent,
        read_block: ReadBlock | None = None,
    ) -> None:
        reach_ourselves()
        self._configs = configs
        self._logs = logs
        self._progress = progress
        self._read_block = read_block
        self._live: dict[str, Live] = {}
        self._servers: dict[str, ExitStack] = {}

    def __enter__(self) -> "Endpoints":
        return self

    def __exit__(self, *raised: object) -> None:
        for name in list(self._live):
            self.close(name)

    def close(self, name: str) -> None:
        """Let go of an endpoint; a served one is stopped, and started again when next needed."""
        self._live.pop(name, None)
        if name in self._servers:
            self._servers.pop(name).close()

    def config(self, name: str) -> EndpointConfig:
        """The config of an endpoint."""
        return self._configs[name]

    def live(self, name: str) -> Live:
        """The endpoint, answering."""
        if name not in self._live:
            config = self._configs[name]
            if config.serve is not None:
                log = self._logs / f"serve-{name}.log"
                server = self._servers[name] = ExitStack()
                self._live[name] = server.enter_context(serve(config.serve, log, self._progress))
            else:
                key = api_key(name, config, self._read_block)
                model = str(config.model)
                self._live[name] = Live(str(config.base_url), model, model, key)
        return self._live[name]
