"""What a round does about a stage that it has sent elsewhere, by what Prefect's server says."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import prefect
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import placing
from flows.display import Display
from rounds.errors import WorkFailed
from rounds.lent import lend
from rounds.lock import run_lock
from rounds.stages import work_dir


class Forgetful(BaseHTTPRequestHandler):
    """A server of Prefect's that knows no flow run and has no line of a log."""

    def do_GET(self) -> None:
        known = self.path.endswith("/version")
        self._reply(200, f'"{prefect.__version__}"') if known else self._reply(404, "{}")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._reply(200, "[]")

    def _reply(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *said: object) -> None:
        pass


@pytest.fixture
def forgetful() -> Iterator[None]:
    """Prefect's server is one that has lost all it knew."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Forgetful) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            url = f"http://127.0.0.1:{server.server_address[1]}/api"
            with temporary_settings({PREFECT_API_URL: url}):
                yield
        finally:
            server.shutdown()


def test_a_stage_that_prefect_knows_no_more_is_not_waited_for(
    run_dir: Path, forgetful: None, monkeypatch: pytest.MonkeyPatch
):
    looks: list[Any] = []

    def looked(path: Path) -> None:
        looks.append(path)
        assert len(looks) < 20, "it is waited for without an end"

    monkeypatch.setattr(placing, "LOOKS", 0.0)
    monkeypatch.setattr(placing, "check_fence", looked)
    folder = run_dir / "rounds" / "0001"
    with run_lock(run_dir) as held, Display() as display:
        work_dir(folder, "sample", "k")
        claim = lend(held)
        run: Any = type("Run", (), {"lease": held, "display": display})
        with pytest.raises(WorkFailed, match="it is unknown to Prefect's server") as failed:
            placing._wait(run, "prefloop-gpu-stage/demo", "sample", folder, claim, uuid4())
    assert type(failed.value) is WorkFailed, "it is sent again"
