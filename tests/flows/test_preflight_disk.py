"""Room for a round, looked at before anything is spent."""

from pathlib import Path
from typing import Any, cast

import pytest
from configs import load

import flows.plan_disk
from flows.display import Display
from flows.plan_disk import estimate_disk
from flows.preflight import check_room
from rounds.disk import DiskFull


class Said:
    """A display that keeps its warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)


def looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: str, bytes_: int) -> list[str]:
    """What is warned of with so many bytes more (or less) than the policy, or the round, takes."""
    config: Any = load(tmp_path)
    disk = estimate_disk(config, tmp_path, 100, 100)
    free = getattr(disk, beside) + bytes_
    monkeypatch.setattr(flows.plan_disk, "free_bytes", lambda _: free)
    said = Said()
    check_room(config, cast("Display", said), tmp_path, 100)
    return said.warnings


def test_a_disk_without_room_for_the_policy_is_refused(tmp_path: Path, monkeypatch):
    with pytest.raises(DiskFull, match=r"disk full: .* \(the policy alone takes \d+"):
        looked(tmp_path, monkeypatch, "policy", -1)


def test_one_that_may_not_have_room_for_the_round_is_warned_of(tmp_path: Path, monkeypatch):
    (warning,) = looked(tmp_path, monkeypatch, "most", -1)
    assert f"{tmp_path}: the round may not have room: it takes" in warning


def test_one_that_has_room_is_not_spoken_of(tmp_path: Path, monkeypatch):
    assert looked(tmp_path, monkeypatch, "most", 0) == []
