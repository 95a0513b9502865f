"""A Prefect server for a run that was given none.

Prefect would start one by itself, but as a plain child that survives a killed parent. This one is
supervised like every other child of a run. Its database is Prefect's usual one, so that
`prefect server start` later shows the runs.
"""

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path

from endpoints.children import PYTHON, child
from endpoints.open import bypass_proxies_to_localhost
from endpoints.said import without_login
from endpoints.servers import free_port, wait_until_healthy
from rounds.errors import UserError, WorkFailed
from rounds.files import unwritable

STARTUP_SECONDS = 120
WITHOUT = "run the same command again, or without a Prefect server (--without-prefect-server)"
"""What to do where the run's own server does not start."""
ANSWER_SECONDS = 15
"""How long a server that is configured may take to answer; Prefect itself tries for minutes."""


def check_prefect() -> None:
    """Raise UserError where a Prefect server is configured and does not answer, and where none is
    and the run's own cannot keep its database.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError
    from prefect.settings import (
        PREFECT_API_REQUEST_TIMEOUT,
        PREFECT_CLIENT_MAX_RETRIES,
        get_current_settings,
        temporary_settings,
    )

    settings = get_current_settings()
    url = settings.api.url
    if url is None:
        if why := unwritable(settings.home):
            raise UserError(
                f"PREFECT_HOME: {settings.home} cannot be written ({why}), and a run's Prefect "
                "server keeps its database there; choose another folder"
            )
        return
    bypass_proxies_to_localhost()
    once = {PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_REQUEST_TIMEOUT: float(ANSWER_SECONDS)}
    with temporary_settings(once), get_client(sync_client=True) as client:
        fault = client.api_healthcheck()
    in_cloud = url.startswith(settings.cloud.api_url)  # which need not know this address
    if fault is None or (in_cloud and isinstance(fault, PrefectHTTPStatusError)):
        return
    why = (str(fault) or type(fault).__name__).splitlines()[0]
    raise UserError(
        f"PREFECT_API_URL: no Prefect server answers at {without_login(url)} ({why}); start it, "
        "correct the address, unset it (prefect config unset PREFECT_API_URL) for a server of the "
        "run's own, or run without one (--without-prefect-server)"
    )


@contextmanager
def prefect_server(log: Path) -> Iterator[Callable[[], AbstractContextManager[object]]]:
    """Start a server unless one is configured.

    Yields a function that waits until the server answers and returns the context in which Prefect
    talks to it. What is done before calling it overlaps with the server's start.
    """
    from prefect.settings import get_current_settings

    bypass_proxies_to_localhost()
    settings = get_current_settings()
    if settings.api.url is not None:
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
    with ExitStack() as first:
        first.enter_context(making_database(settings.home))
        with child(command, log, env) as process:

            def wait() -> AbstractContextManager[object]:
                url = f"http://127.0.0.1:{port}/api"
                health = f"{url}/health"
                try:
                    wait_until_healthy(process, health, log, "Prefect's server", STARTUP_SECONDS)
                except WorkFailed as error:
                    error.then = WITHOUT
                    raise
                first.close()
                return _talking_to(url)

            yield wait


@contextmanager
def making_database(home: Path) -> Iterator[None]:
    """Alone while a server makes Prefect's database in `home`, or brings it up to this version of
    Prefect: of several that do so at once, all but one end with an error.

    At once where it was made before. The block has gone well when the server has answered.
    """
    made = home / f".prefloop-{version('prefect')}"
    if made.exists() and (home / "prefect.db").exists():
        yield
        return
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".prefloop.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another run to make Prefect's database in {home}", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
        made.touch()


@contextmanager
def _talking_to(url: str) -> Iterator[None]:
    """Prefect uses this server; its log and its events have arrived there when the context ends."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.plain import of_our_own

    of_our_own()
    with temporary_settings({PREFECT_API_URL: url}):
        try:
            yield
        finally:
            APILogWorker.drain_all(timeout=5)
            EventsWorker.drain_all(timeout=5)
