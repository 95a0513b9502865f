"""A model server of our own listens to this machine alone, under a key that nobody knows."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import endpoints.serve
from endpoints.config import Serve
from endpoints.serve import serve
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
