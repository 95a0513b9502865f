"""A Prefect server for a run that was given none.

Prefect would start one by itself, but as a plain child that survives a killed parent. This one is
supervised like every other child of a run. Its database is Prefect's usual one, so that
`prefect server start` later shows the runs.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from endpoints.children import PYTHON, child
from endpoints.servers import free_port, wait_until_healthy

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
    port = free_port()
    command = [
        *(*PYTHON, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app"),
        *("--host", "127.0.0.1", "--port", str(port), "--log-level", "error"),
        # put first in the search path: by default the current folder, here what is first anyway
        *("--app-dir", os.path.dirname(os.__file__)),
    ]
    env = {
        "PREFECT_UI_ENABLED": "0",
        "PREFECT__SERVER_EPHEMERAL": "1",
        "PREFECT__SERVER_FINAL": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    with child(command, log, env) as process:

        def wait() -> AbstractContextManager[object]:
            url = f"http://127.0.0.1:{port}/api"
            wait_until_healthy(process, f"{url}/health", log, "Prefect's server", STARTUP_SECONDS)
            return _talking_to(url)

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
