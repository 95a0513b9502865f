"""A local model behind vLLM's own OpenAI server, for as long as a run needs it."""

import json
import secrets
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any, NamedTuple

from endpoints.children import ChildFailed, child, tail
from endpoints.config import Serve
from endpoints.hub import model_folder
from rounds.stages import Progress
from rounds.weights import weights_hash

STARTUP_SECONDS = 900
SERVED_NAME = "served"


class Live(NamedTuple):
    """An endpoint that answers: where, under which model name and key, and which model it is."""

    base_url: str
    model: str
    model_id: str
    api_key: str


@contextmanager
def serve(config: Serve, log: Path, progress: Progress) -> Iterator[Live]:
    """Start the server on a free port with a random key, wait until it is healthy, end it.

    Raises ChildFailed with the end of the server's log when it dies on the way.
    """
    folder = model_folder(config.model)
    key = secrets.token_urlsafe(24)
    port = _free_port()
    arguments = {"host": "127.0.0.1", "port": port, "served_model_name": SERVED_NAME, **config.args}
    command = [
        *(sys.executable, "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", str(folder)),
        *flags(arguments),
    ]
    env = {"VLLM_API_KEY": key, **cpu_settings(), **config.env}
    with child(command, log, env) as process:
        _wait_healthy(process, port, log, progress)
        yield Live(f"http://127.0.0.1:{port}/v1", SERVED_NAME, weights_hash(folder), key)


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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_healthy(process: "Popen[bytes]", port: int, log: Path, progress: Progress) -> None:
    started = time.monotonic()
    while time.monotonic() - started < STARTUP_SECONDS:
        if process.poll() is not None:
            raise ChildFailed(f"the model server did not start; {log} ends with:\n{tail(log)}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as reply:
                if reply.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        progress(0, 0, f"starting the model server, {time.monotonic() - started:.0f} s")
        time.sleep(0.5)
    raise ChildFailed(f"the model server was not healthy after {STARTUP_SECONDS} s; see {log}")
