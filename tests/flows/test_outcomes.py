"""What breaks outside of a run: each line of the table is one surrounding, and what comes of it."""

import contextlib
import json
import os
import resource
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from scripted import Raw
from scripted_run import GONE, answers_all, is_judged, write_scripted
from small_run import ROOT, command, environment, marked

pytestmark = pytest.mark.slow

PLAIN = "--without-prefect-server"
DEAD = "http://127.0.0.1:9"


class Outcome(NamedTuple):
    """A surrounding, the exit status that it leads to, and what is said of it once."""

    name: str
    status: int
    says: str
    env: dict[str, str] = {}
    arguments: tuple[str, ...] = (PLAIN,)
    desk: dict[str, Any] = {}
    limit: tuple[int, int] | None = None
    folder: str = "a"


LONG = "long " * 24
TABLE = [
    Outcome(
        "a Prefect server that is configured and silent",
        *(2, "or run without one (--without-prefect-server)"),
        env={"PREFECT_API_URL": f"{DEAD}/api"},
        arguments=(),
    ),
    Outcome("the same, and none is wanted", 0, "", env={"PREFECT_API_URL": f"{DEAD}/api"}),
    Outcome(
        "a judge that was never there",
        *(2, "endpoints.desk: nothing answers at http://127.0.0.1:9/v1"),
        desk={"base_url": f"{DEAD}/v1"},
    ),
    Outcome("proxies", 0, "", env={name: DEAD for name in ("HTTP_PROXY", "http_proxy")}),
    Outcome("a home that cannot be written", 0, "home folder", env={"HOME": "/proc/nowhere"}),
    Outcome("brackets in the path", 0, "", folder="[a] b*"),
    Outcome("a long TMPDIR", 0, "", env={"TMPDIR": LONG}),
    Outcome(
        "few open files",
        *(0, "max_in_flight): this process may have 256 files open; raise it with `ulimit -n"),
        desk={"max_in_flight": 512},
        limit=(resource.RLIMIT_NOFILE, 256),
    ),
    Outcome(
        "a limit on the size of files", 1, "disk full: ", limit=(resource.RLIMIT_FSIZE, 100_000)
    ),
    Outcome(
        "a password in the address",
        *(2, "endpoints.desk.base_url: holds a login or a key"),
        desk={"base_url": "http://ada:lovelace@127.0.0.1:9/v1"},
    ),
    Outcome(
        "a key that is not in the environment",
        *(2, "endpoints.desk.extra_headers.X-Key.env: environment variable NOT_THERE is not set"),
        desk={"extra_headers": {"X-Key": {"env": "NOT_THERE"}}},
    ),
]


@pytest.mark.parametrize("line", TABLE, ids=lambda line: line.name)
def test_the_table(tmp_path: Path, endpoint: Any, line: Outcome):
    folder = tmp_path / line.folder
    folder.mkdir()
    (folder / LONG).mkdir()
    at = endpoint(answers_all)
    env = {name: str(folder / LONG) if name == "TMPDIR" else v for name, v in line.env.items()}
    if line.limit is not None:
        kind, most = line.limit

        def limited() -> None:
            resource.setrlimit(kind, (most, most))
    else:
        limited = None
    config = write_scripted(folder, at, {"base_url": at.base_url, **line.desk})
    done = subprocess.run(
        command("run", config.name, *line.arguments),
        cwd=folder,
        env=environment(tmp_path / "prefect") | {"PYTHONPATH": str(ROOT)} | env,
        capture_output=True,
        text=True,
        timeout=300,
        preexec_fn=limited,
    )
    assert done.returncode == line.status, done.stderr[-3000:]
    assert "Traceback" not in done.stderr and "lovelace" not in done.stdout + done.stderr
    assert done.stderr.count(line.says) == 1 or not line.says, done.stderr
    finished = folder / "runs" / "demo" / "rounds" / "0001" / "manifest.json"
    assert finished.exists() == (line.status == 0)


def begin(folder: Path, *arguments: str, mark: str = "none", **env: str) -> "subprocess.Popen[str]":
    """The command in the background; what it says is in `said` beside the folder."""
    return subprocess.Popen(
        command("run", "demo.yaml", *arguments),
        cwd=folder,
        env=environment(folder / "prefect", mark) | {"PYTHONPATH": str(ROOT)} | env,
        stdout=subprocess.DEVNULL,
        stderr=said(folder).open("w"),
        text=True,
    )


def said(folder: Path) -> Path:
    """Beside the folder, which may be full."""
    return folder.parent / f"{folder.name}.said"


def judged_then(act: Callable[[], None]) -> Callable[[dict[str, Any]], Any]:
    """The script of an endpoint that acts at the judge's fifth question of the first round."""
    asked = []

    def script(body: dict[str, Any]) -> Any:
        if is_judged(body):
            asked.append(1)
            if len(asked) == 5:
                act()
        return answers_all(body)

    return script


def test_a_prefect_server_that_is_lost_in_mid_run_costs_no_round(tmp_path: Path, endpoint: Any):
    servers: list[int] = []

    def lose() -> None:
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                ours = b"PREFLOOP_TEST=lost\0" in (entry / "environ").read_bytes()
                if ours and b"uvicorn" in words and not any(b"supervise" in w for w in words):
                    os.kill(int(entry.name), signal.SIGKILL)
                    servers.append(int(entry.name))

    write_scripted(tmp_path, endpoint(judged_then(lose)), {"max_in_flight": 1})
    process = begin(tmp_path, "--rounds", "2", mark="lost")
    assert process.wait(timeout=300) == 0
    told = said(tmp_path).read_text()
    assert len(servers) == 1
    assert told.count("warning: Prefect's server does not answer any more") == 1, told
    assert "Traceback" not in told and "Error" not in told
    assert (tmp_path / "runs/demo/rounds/0002/manifest.json").exists()
    assert marked("lost") == []


def test_sigterm_is_as_ctrl_c(tmp_path: Path, endpoint: Any):
    process: list[Any] = []
    act = threading.Thread(target=lambda: process[0].send_signal(signal.SIGTERM))
    write_scripted(tmp_path, endpoint(judged_then(act.start)), {"max_in_flight": 1})
    process.append(begin(tmp_path, mark="term"))
    assert process[0].wait(timeout=300) == 143
    assert marked("term") == []
    told = said(tmp_path).read_text().splitlines()
    assert told[-1] == "stopped by SIGTERM; run the same command again to continue"
    with sqlite3.connect(tmp_path / "prefect" / "prefect.db") as database:
        states = database.execute("select state_name from flow_run").fetchall()
    assert states == [("Cancelled",)] * 2, "the run and its round"
    stop = (tmp_path / "runs/demo/rounds/0001/work/stopped.json").read_text()
    assert "stopped by SIGTERM" in stop


def test_a_judge_that_is_away_for_a_while_is_waited_for_counting(tmp_path: Path, endpoint: Any):
    until = []

    def script(body: dict[str, Any]) -> Any:
        if is_judged(body) and not until:
            until.append(time.monotonic() + 4)
        if until and time.monotonic() < until[0]:
            return GONE
        return answers_all(body)

    write_scripted(tmp_path, endpoint(script), {"max_retries": 0})
    assert begin(tmp_path, PLAIN).wait(timeout=300) == 0
    told = said(tmp_path).read_text()
    assert told.count("warning: endpoint desk is away and waited for until") == 1
    assert told.count("warning: endpoint desk is there again after") == 1


KEY = "sk-planted-4f9a8b7c6d5e4f3a2b1c"
HEADER = "planted-header-9e8d7c6b5a49"


@pytest.mark.parametrize(
    "reply",
    [
        lambda: Raw(401, json.dumps({"error": {"message": f"Incorrect key: {KEY} ({HEADER})"}})),
        lambda: Raw(400, json.dumps({"error": {"message": f"bad: {KEY}, {HEADER}"}})),
        lambda: Raw(500, f"<html>{KEY} {HEADER}</html>", "text/html"),
        lambda: f"I was asked with {KEY} and {HEADER}",
    ],
    ids=["401", "400", "500", "in an answer"],
)
def test_a_key_is_found_nowhere_after_a_run_of_failures(tmp_path: Path, endpoint: Any, reply: Any):
    """In nothing that was written: the run, its logs, Prefect's database, what was said."""
    at = endpoint(lambda body: reply() if is_judged(body) else answers_all(body))
    desk = {"api_key_env": "DESK_KEY", "max_retries": 0, "wait_for": 1}
    desk |= {"extra_headers": {"X-Key": {"env": "DESK_HEADER"}}}
    write_scripted(tmp_path, at, desk)
    process = begin(tmp_path, "--rounds", "2", DESK_KEY=KEY, DESK_HEADER=HEADER)
    process.wait(timeout=300)
    assert at.keys == {f"Bearer {KEY}"}
    written = [said(tmp_path), *(path for path in tmp_path.rglob("*") if path.is_file())]
    assert any(path.name == "prefect.db" for path in written) and len(written) > 15
    for path in written:
        content = path.read_bytes()
        assert KEY.encode() not in content and HEADER.encode() not in content, path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_disk_that_is_full_is_named_and_the_run_goes_on_when_there_is_room(
    tmp_path: Path, endpoint: Any
):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this machine mounts nothing")
    try:
        ballast = disk / "ballast"

        def fill() -> None:
            with contextlib.suppress(OSError), ballast.open("wb") as file:
                while True:
                    file.write(b"\0" * 65536)

        write_scripted(disk, endpoint(judged_then(fill)), {"max_in_flight": 1})
        first = begin(disk, PLAIN)
        status = first.wait(timeout=300)
        ballast.unlink()
        told = said(disk).read_text()
        assert (status, "Traceback" in told) == (1, False), told
        assert f"failed: disk full: {disk}" in told and "prefloop gc" in told
        assert begin(disk, PLAIN).wait(timeout=300) == 0
        assert (disk / "runs/demo/rounds/0001/manifest.json").exists()
    finally:
        subprocess.run(["umount", str(disk)], check=True)
