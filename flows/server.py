"""A Prefect server for a run that was given none.

Prefect would start one by itself, but as a plain child that survives a killed parent. This one is
supervised like every other child of a run. Its database is Prefect's usual one, so that
`prefect server start` later shows the runs.
"""

import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from endpoints.children import ChildFailed, child, tail

STARTUP_SECONDS = 120


@contextmanager
def prefect_server(log: Path) -> Iterator[Callable[[], AbstractContextManager[object]]]:
    """Start a server unless one is configured.

    Yields a function that waits until the server answers and returns the context in which Prefect
    talks to it. What is done before calling it overlaps with the server's start.
    """
    from prefect.settings import get_current_settings

    if get_current_settings().api.url is not None:
        yield nullcontext
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app"),
        *("--host", "127.0.0.1", "--port", str(port), "--log-level", "error"),
    ]
    env = {
        "PREFECT_UI_ENABLED": "0",
        "PREFECT__SERVER_EPHEMERAL": "1",
        "PREFECT__SERVER_FINAL": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    with child(command, log, env) as process:

        def wait() -> AbstractContextManager[object]:
            deadline = time.monotonic() + STARTUP_SECONDS
            url = f"http://127.0.0.1:{port}/api"
            while time.monotonic() < deadline:
                if process.poll() is not None:
                    raise ChildFailed(
                        f"Prefect's server did not start; {log} ends with:\n{tail(log)}"
                    )
                try:
                    urllib.request.urlopen(f"{url}/health", timeout=2).close()
                except (urllib.error.URLError, OSError):
                    time.sleep(0.2)
                    continue
                return _talking_to(url)
            raise ChildFailed(f"Prefect's server was silent for {STARTUP_SECONDS} s; see {log}")

        yield wait


@contextmanager
def _talking_to(url: str) -> Iterator[None]:
    """Prefect uses this server; what it has logged has arrived there when the context ends."""
    from prefect.logging.handlers import APILogWorker
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: url}):
        try:
            yield
        finally:
            APILogWorker.drain_all(timeout=5)
