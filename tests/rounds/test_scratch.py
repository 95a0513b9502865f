"""Temporary folders of processes that were killed go; those of living ones stay."""

import os
import signal
from pathlib import Path

import pytest

from rounds import scratch as folders
from rounds.scratch import scratch, sweep_scratch


def test_what_a_killed_process_left_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(folders, "SHORT_FOLDERS", ())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    if (child := os.fork()) == 0:
        with scratch("trial") as folder:
            (folder / "large").touch()
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    (left,) = tmp_path.iterdir()
    assert (left / "large").exists()
    elsewhere = tmp_path / left.name.replace("prefloop-", "prefloop-1")
    elsewhere.mkdir()
    with scratch("mine") as mine:
        sweep_scratch()
        assert sorted(tmp_path.iterdir()) == sorted([mine, elsewhere])
