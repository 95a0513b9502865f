"""A real Prefect server with work pools and their workers, for tests; all end with the test."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from leases import wait_for
from small_run import ROOT, environment

from endpoints.servers import free_port

FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
"""The states in which a flow run has ended."""


class Api:
    """What a test asks of Prefect's API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def answers(self) -> bool:
        """Whether the server has begun to answer."""
        with contextlib.suppress(httpx.HTTPError):
            return bool(httpx.get(f"{self.url}/health", timeout=5).is_success)
        return False

    def ask(self, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """The response to a POST, or without a body to a GET. While SQLite is locked the server
        waits for a minute (60 s in Prefect) and says 503; then it is asked again, as Prefect's own
        client asks.
        """
        for pause in (1, 2, 4, 8, 16, 0):
            method = "GET" if body is None else "POST"
            answer = httpx.request(method, self.url + path, json=body, timeout=240)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(pause)
        return answer

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The answer to a request that succeeds."""
        answer = self.ask(path, body)
        assert answer.is_success, f"{answer.status_code}: {answer.text}"
        return answer.json()

    def start(self, flow: str, deployment: str, **parameters: Any) -> str:
        """A flow run of the deployment, for a worker to take; its id."""
        found = self.ask(f"/deployments/name/{flow}/{deployment}").json()
        made = self.post(f"/deployments/{found['id']}/create_flow_run", {"parameters": parameters})
        return str(made["id"])

    def run(self, flow_run: str) -> dict[str, Any]:
        """A flow run as it is now."""
        return dict(self.ask(f"/flow_runs/{flow_run}").json())

    def ended(self, flow_run: str, seconds: float = 600) -> dict[str, Any]:
        """A flow run once it has ended."""
        wait_for(lambda: self.run(flow_run)["state_type"] in FINAL, seconds)
        return self.run(flow_run)

    def stages(self, tag: str) -> list[dict[str, Any]]:
        """The flow runs of GPU stages of a run, in the order in which they were sent."""
        found = self.post(
            "/flow_runs/filter",
            {
                "flow_runs": {"tags": {"all_": [tag]}},
                "flows": {"name": {"any_": ["prefloop-gpu-stage"]}},
                "sort": "EXPECTED_START_TIME_ASC",
            },
        )
        return list(found)

    def lines(self, flow_run: str) -> list[tuple[int, str]]:
        """What a flow run, and those within it, have logged, as (level, message)."""
        within = {"flow_runs": {"parent_flow_run_id": {"any_": [flow_run]}}}
        ids = [flow_run, *(one["id"] for one in self.post("/flow_runs/filter", within))]
        said = self.post("/logs/filter", {"logs": {"flow_run_id": {"any_": ids}}, "limit": 200})
        return [(line["level"], line["message"]) for line in said]

    def logs(self, flow_run: str) -> str:
        """What a flow run, and those within it, have logged, as one text."""
        return "\n".join(message for _, message in self.lines(flow_run))


SERVER = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}
"""Environment of a server: nothing phones home."""


def server_command(port: int) -> list[str]:
    """What starts Prefect's server on a port of this machine alone."""
    command = [sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app"]
    return [*command, "--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]


@contextlib.contextmanager
def prefect_server(home: Path) -> Iterator[Api]:
    """A server with a database of its own, and two process pools: main and gpu."""
    port = free_port()
    process = subprocess.Popen(server_command(port), env=environment(home) | SERVER)
    try:
        api = Api(f"http://127.0.0.1:{port}/api")
        wait_for(api.answers, 600)
        for pool in ("main", "gpu"):
            api.post("/work_pools/", {"name": pool, "type": "process"})
        yield api
    finally:
        process.terminate()
        process.wait()


class Worker:
    """A worker of a pool, started as a user does; what it starts is found by `mark`."""

    def __init__(self, api: Api, pool: str, home: Path, mark: str, **env: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.mark, self.log = mark, home / "worker.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "prefect", "worker", "start", "--pool", pool],
                cwd=home,
                env=environment(home / "prefect", mark)
                | {"PREFECT_API_URL": api.url, "PYTHONPATH": str(ROOT), "TMPDIR": str(home)}
                | {"PREFECT_WORKER_QUERY_SECONDS": "2", "DO_NOT_TRACK": "1"}
                | env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def end(self, by: int = signal.SIGTERM) -> None:
        """End the worker alone, and wait for it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, by)
        self.process.wait(120)
