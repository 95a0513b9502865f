"""A local model behind vLLM's own OpenAI server, for as long as a run needs it."""

import json
import os
import secrets
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from endpoints.children import PYTHON, child
from endpoints.config import Serve
from endpoints.hub import model_folder
from endpoints.said import without_login
from endpoints.servers import free_port, wait_until_healthy
from rounds.errors import UserError
from rounds.stages import Progress
from rounds.weights import weights_hash

STARTUP_SECONDS = 900
SERVED_NAME = "served"
VISIBLE = "CUDA_VISIBLE_DEVICES"
PARALLEL = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
"""vLLM's arguments of which each takes so many GPUs."""


class LiveEndpoint(NamedTuple):
    """An endpoint that answers: where, under which model name and key, and which model it is.

    `headers` are sent with every request; `hidden` are the values among them that nobody is shown.
    `others` are the addresses of further servers of the same model.
    """

    base_url: str
    model: str
    model_id: str
    api_key: str
    headers: Mapping[str, str] = MappingProxyType({})
    hidden: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Of all its servers."""
        return (self.base_url, *self.others)

    @property
    def shown(self) -> str:
        """Where it is, for messages."""
        return ", ".join(map(without_login, self.addresses))

    @property
    def secrets(self) -> tuple[str, ...]:
        """What may stand in no message and no file."""
        return (self.api_key, *self.hidden)


@contextmanager
def serve(config: Serve, log: Path, progress: Progress) -> Iterator[LiveEndpoint]:
    """Start the server on a free port with a random key, wait until it is healthy, end it.

    Of several `replicas` each has a port, GPUs and a log of its own; the key is one. Raises
    ChildFailed with the end of the log of one that dies on the way.
    """
    folder = model_folder(config.model)
    key = secrets.token_urlsafe(24)
    started = []
    with ExitStack() as running:
        for number, devices in enumerate(devices_of(config)):
            port, own = free_port(), log
            if config.replicas > 1:
                own = log.with_stem(f"{log.stem}-{number}")
            ours = {"host": "127.0.0.1", "port": port, "served_model_name": SERVED_NAME}
            arguments = {**ours, **cpu_arguments(config.args), **config.args}
            command = [
                *(*PYTHON, "-m", "vllm.entrypoints.openai.api_server"),
                *("--model", str(folder)),
                *flags(arguments),
            ]
            env = {"VLLM_API_KEY": key, **cpu_settings(), **config.env, **devices}
            started.append((running.enter_context(child(command, own, env)), port, own))
        for process, port, own in started:
            health = f"http://127.0.0.1:{port}/health"
            wait_until_healthy(process, health, own, "the model server", STARTUP_SECONDS, progress)
        first, *others = [f"http://127.0.0.1:{port}/v1" for _, port, _ in started]
        model = weights_hash(folder)
        yield LiveEndpoint(first, SERVED_NAME, model, key, others=tuple(others))


def devices_of(config: Serve, where: str = "serve") -> list[dict[str, str]]:
    """The environment that gives each replica its GPUs: the next of those that are visible.

    Raises UserError at the key `where` if CUDA_VISIBLE_DEVICES names too few.
    """
    if config.replicas == 1 or runs_on_cpu():
        return [{}] * config.replicas
    given = {name.replace("-", "_"): value for name, value in config.args.items()}
    each = prod(int(given.get(name) or 1) for name in PARALLEL)
    needed = config.replicas * each
    visible = config.env.get(VISIBLE) or os.environ.get(VISIBLE)
    names = visible.split(",") if visible else [str(number) for number in range(needed)]
    if len(names) < needed:
        raise UserError(
            f"{where}.replicas: {config.replicas} servers on {each} GPU(s) each need {needed}, and "
            f"{VISIBLE} names {len(names)} ({visible})"
        )
    shares = [names[begin : begin + each] for begin in range(0, needed, each)]
    return [{VISIBLE: ",".join(share)} for share in shares]


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
