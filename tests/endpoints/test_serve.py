"""A model server of our own listens to this machine alone, under a key that nobody knows."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from asking_all import question

import endpoints.serve
from endpoints.client import asking
from endpoints.config import EndpointConfig, Serve
from endpoints.journal import Journal
from endpoints.reply import Reply
from endpoints.serve import LiveEndpoint, devices_of, serve
from rounds.errors import UserError
from rounds.stages import silent


def test_it_listens_here_alone_and_has_another_key_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    started: list[tuple[list[str], dict[str, str]]] = []

    @contextmanager
    def child(command: list[str], log: Path, env: dict[str, str]) -> Iterator[Any]:
        started.append((command, env))
        yield None

    monkeypatch.setattr(endpoints.serve, "child", child)
    monkeypatch.setattr(endpoints.serve, "wait_until_healthy", lambda *_: None)
    for _ in range(2):
        with serve(Serve(model="prefloop:starter/judge"), tmp_path / "log", silent) as live:
            assert live.base_url.startswith("http://127.0.0.1:")
            command, env = started[-1]
            assert command[command.index("--host") + 1] == "127.0.0.1"
            assert env["VLLM_API_KEY"] == live.api_key and len(live.api_key) >= 32
    assert started[0][1]["VLLM_API_KEY"] != started[1][1]["VLLM_API_KEY"]


@pytest.mark.parametrize(
    ("args", "visible", "shares"),
    [
        ({}, None, ["0", "1"]),
        ({"tensor-parallel-size": 2}, None, ["0,1", "2,3"]),
        ({"tensor_parallel_size": 2}, "4,5,GPU-a,GPU-b,8", ["4,5", "GPU-a,GPU-b"]),
    ],
)
def test_each_replica_has_gpus_of_its_own(monkeypatch, args, visible, shares):
    monkeypatch.setattr(endpoints.serve, "runs_on_cpu", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    env = {"CUDA_VISIBLE_DEVICES": visible} if visible else {}
    section = Serve(model="m", args=args, env=env, replicas=2)
    assert [one["CUDA_VISIBLE_DEVICES"] for one in devices_of(section)] == shares
    with pytest.raises(UserError, match="names 1 "):
        devices_of(Serve(model="m", args=args, env={"CUDA_VISIBLE_DEVICES": "3"}, replicas=2))


def test_one_server_and_servers_on_a_cpu_see_what_this_process_sees(monkeypatch):
    monkeypatch.setattr(endpoints.serve, "runs_on_cpu", lambda: False)
    assert devices_of(Serve(model="m")) == [{}]
    monkeypatch.setattr(endpoints.serve, "runs_on_cpu", lambda: True)
    assert devices_of(Serve(model="m", replicas=3)) == [{}] * 3


def ask_served(path: Path, config: EndpointConfig, live: LiveEndpoint, name: str) -> list[Reply]:
    async def run() -> list[Reply]:
        with Journal(path / "journal.sqlite") as journal:
            async with asking("served", config, live, journal) as ask:
                bodies = [question(f"{name} {i}") | {"max_tokens": 4} for i in range(24)]
                return list(await asyncio.gather(*(ask(body, "r") for body in bodies)))

    return asyncio.run(run())


def processes(address: str) -> list[int]:
    """The processes that serve at an address, without their supervisors."""
    asked = f"--port\0{urlsplit(address).port}\0"
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (folder / "cmdline").read_text(errors="replace")
            if asked in command and "supervise" not in command:
                found.append(int(folder.name))
    return found


@pytest.mark.slow
def test_of_two_real_servers_one_may_die(tmp_path: Path):
    """Both answer; after a SIGKILL the other one does; none is left when it is over."""
    args = {"max_model_len": 512, "enforce_eager": True}
    section = Serve(model="prefloop:starter/judge", args=args, replicas=2)
    config = EndpointConfig(serve=section, max_in_flight=4, max_retries=1)
    with serve(section, tmp_path / "serve.log", silent) as live:
        assert len(live.addresses) == 2
        first = ask_served(tmp_path, config, live, "first")
        (server, *_) = processes(live.base_url)
        os.kill(server, signal.SIGKILL)
        second = ask_served(tmp_path, config, live, "second")
    assert {reply.finish_reason for reply in (*first, *second)} <= {"stop", "length"}
    assert {reply.failure for reply in (*first, *second)} <= {None, "truncated", "empty"}
    for number in range(2):
        log = (tmp_path / f"serve-{number}.log").read_text(errors="replace")
        assert "POST /v1/chat/completions" in log
    assert not [pid for address in live.addresses for pid in processes(address)]
