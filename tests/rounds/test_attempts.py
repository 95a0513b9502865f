"""The seconds of a stage are those of all attempts at it."""

import os
import time
from pathlib import Path

import pytest

from rounds.attempts import Attempts
from rounds.files import write_text
from rounds.stages import count_startup, run_stage, stage_stamps


def test_attempts_that_failed_count(tmp_path: Path):
    def work() -> dict:
        time.sleep(0.06)
        if len(list(tmp_path.glob("failed*"))) < 2:
            (tmp_path / f"failed {time.monotonic_ns()}").touch()
            raise RuntimeError("lost")
        return {}

    for _ in range(2):
        with pytest.raises(RuntimeError):
            run_stage(tmp_path, "judge", "k", work)
    run_stage(tmp_path, "judge", "k", work)
    assert 0.18 <= stage_stamps(tmp_path)["judge"]["seconds"] < 2
    assert not list(tmp_path.glob("work/*.attempts"))


def test_an_attempt_that_was_killed_counts_up_to_its_last_sign(tmp_path: Path):
    Attempts(tmp_path, "sample", "k")  # and no end
    chunk = tmp_path / "work" / "sample-k-3" / "chunk-00000.parquet"
    write_text(chunk, "rows")
    os.utime(chunk, (0, time.time() + 40))
    again = Attempts(tmp_path, "sample", "k")
    assert 39 < again.seconds < 41
    other = Attempts(tmp_path, "sample", "of another key")
    assert other.seconds == 0


def test_what_was_waited_for_is_apart_in_every_attempt(tmp_path: Path):
    def work() -> dict:
        count_startup("the server", 100.0)
        if not list(tmp_path.glob("failed*")):
            (tmp_path / "failed").touch()
            raise RuntimeError("lost")
        return {}

    with pytest.raises(RuntimeError):
        run_stage(tmp_path, "judge", "k", work)
    run_stage(tmp_path, "judge", "k", work)
    stamp = stage_stamps(tmp_path)["judge"]
    assert stamp["startup"] == {"the server": 200.0} and stamp["seconds"] == 0
