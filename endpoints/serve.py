"""A local model behind vLLM's own OpenAI server, for as long as a run needs it."""

import json
import os
import secrets
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from endpoints.children import PYTHON, child
from endpoints.config import Serve
from endpoints.hub import model_folder
from endpoints.servers import free_port, wait_until_healthy
from rounds.stages import Progress
from rounds.weights import weights_hash

STARTUP_SECONDS = 900
SERVED_NAME = "served"


class LiveEndpoint(NamedTuple):
    """An endpoint that answers: where, under which model name and key, and which model it is.

    `headers` are sent with every request; `hidden` are the values among them that nobody is shown.
    """

    base_url: str
    model: str
    model_id: str
    api_key: str
    headers: Mapping[str, str] = MappingProxyType({})
    hidden: tuple[str, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What may stand in no message and no file."""
        return (self.api_key, *self.hidden)


@contextmanager
def serve(config: Serve, log: Path, progress: Progress) -> Iterator[LiveEndpoint]:
    """Start the server on a free port with a random key, wait until it is healthy, end it.

    Raises ChildFailed with the end of the server's log when it dies on the way.
    """
    folder = model_folder(config.model)
    key = secrets.token_urlsafe(24)
    port = free_port()
    ours = {"host": "127.0.0.1", "port": port, "served_model_name": SERVED_NAME}
    arguments = {**ours, **cpu_arguments(config.args), **config.args}
    command = [
        *(*PYTHON, "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", str(folder)),
        *flags(arguments),
    ]
    env = {"VLLM_API_KEY": key, **cpu_settings(), **config.env}
    with child(command, log, env) as process:
        health = f"http://127.0.0.1:{port}/health"
        wait_until_healthy(process, health, log, "the model server", STARTUP_SECONDS, progress)
        yield LiveEndpoint(f"http://127.0.0.1:{port}/v1", SERVED_NAME, weights_hash(folder), key)


def flags(arguments: dict[str, Any]) -> list[str]:
    """Command-line flags for vLLM arguments: `{"max_model_len": 512}` to `--max-model-len 512`."""
    result: list[str] = []
    for name, value in arguments.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            result.append(flag)
        elif value is False:
            result.append(flag.replace("--", "--no-", 1))
        elif value is not None:
            result += [flag, *map(_text, value if isinstance(value, list) else [value])]
    return result


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)


def cpu_settings() -> dict[str, str]:
    """What vLLM's CPU backend wants to be told; harmless where there is a GPU."""
    return {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_LOGGING_LEVEL": "INFO"}


def cpu_arguments(given: Collection[str]) -> dict[str, Any]:
    """Engine arguments without which vLLM on a CPU fails, beside those that are `given`.

    A prompt that is read in parts, since its batch is full, draws a token that is thrown away, and
    a seeded generator is then set back; on a CPU it cannot be ("CPU Generator does not use
    offset"). Whole prompts wait for the next batch instead. Who sets the size of a batch or the
    reading in parts knows what for: theirs stand.
    """
    theirs = {name.replace("-", "_") for name in given}
    if theirs & {"enable_chunked_prefill", "max_num_batched_tokens"} or not runs_on_cpu():
        return {}
    return {"enable_chunked_prefill": False}


def runs_on_cpu() -> bool:
    """Whether the vLLM that is installed computes on the CPU, found as vLLM itself finds it."""
    if os.environ.get("VLLM_TARGET_DEVICE") == "cpu" or sys.platform == "darwin":
        return True
    try:
        return "cpu" in version("vllm")
    except PackageNotFoundError:  # its CPU build may go by a name of its own
        return find_spec("vllm") is not None
