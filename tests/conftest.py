"""Fixtures: a folder for a run, and scripted endpoints that end with the test."""

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from leases import wait_for
from pools import SERVER, Api, server_command
from scripted import Script, Scripted, scripted

from endpoints.config import EndpointConfig
from endpoints.open import Endpoints
from endpoints.servers import free_port

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of tiny models wait for each other

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background by a shell
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.fsync = lambda _: None  # nobody needs the tables of a test after a loss of power

settings.register_profile("prefloop", deadline=None)  # a slow machine is no fault
settings.load_profile("prefloop")


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """The folder of a run, not yet there."""
    return tmp_path / "runs" / "demo"


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Scripted]]:
    """Starts scripted endpoints: `endpoint(script, models=["m"], delay=0)`."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))  # every client reads the certificates: 25 ms
    with ExitStack() as stack:

        def start(script: Script, **given: Any) -> Scripted:
            return stack.enter_context(scripted(script, **given))

        yield start


@pytest.fixture
def desk(tmp_path: Path) -> Callable[..., Endpoints]:
    """The `endpoints` of a run: one named desk, at a scripted endpoint."""

    def configured(at: Scripted, **given: Any) -> Endpoints:
        config = EndpointConfig(base_url=at.base_url, model="m", **given)
        return Endpoints({"desk": config}, tmp_path / "logs")

    return configured


PREFECT_URL = "PREFLOOP_TEST_PREFECT"
"""The API of the Prefect server that the slow tests share, in the environment."""


def pytest_configure(config: pytest.Config) -> None:
    """One Prefect server for the slow tests that do not kill theirs, of all worker processes."""
    if config.option.markexpr != "slow" or "PYTEST_XDIST_WORKER" in os.environ:
        return
    home, port = tempfile.mkdtemp(prefix="prefect-"), free_port()
    config.stash[PREFECT] = subprocess.Popen(
        server_command(port),
        env={**os.environ, "PREFECT_HOME": home, **SERVER},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.environ[PREFECT_URL] = f"http://127.0.0.1:{port}/api"


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """The first test runs once the server, which started beside their collection, answers."""
    if url := os.environ.get(PREFECT_URL):
        wait_for(Api(url).answers, 300)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The server ends with the tests."""
    if server := config.stash.get(PREFECT, None):
        server.terminate()
        server.wait()


PREFECT = pytest.StashKey[subprocess.Popen]()

LONGEST = ("test_round_killed", "test_round_whole", "test_round_hosted", "test_lora")
"""Modules that begin first, so that no worker process is left with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules first, the others in their order."""
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(LONGEST)))


WHOLLY = re.compile(r"^pytestmark = pytest\.mark\.(\w+)", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A module whose tests are all left out is not even imported: torch alone takes seconds."""
    if collection_path.suffix == ".py" and "not " in config.option.markexpr:
        marked = WHOLLY.search(collection_path.read_text())
        if marked and f"not {marked[1]}" in config.option.markexpr:
            return True
    return None
