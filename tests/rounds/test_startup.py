"""Seconds that a stage waited for a server or a model are told apart from its work."""

import time
from pathlib import Path

import pytest
from builders import REFUSED, begun, finished, stamped

from rounds.files import read_json
from rounds.metrics import round_metrics
from rounds.report import round_lines
from rounds.schema import TABLES
from rounds.stages import count_startup, run_stage, stage_stamps


def test_startup_is_no_work_of_the_stage_that_needed_it(run_dir: Path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def gold() -> dict:
        now[0] += 102
        count_startup("server of desk", 98.5)
        return {}

    def judge() -> dict:
        now[0] += 20
        count_startup("server of desk", 1.5)
        count_startup("server of second", 4)
        return {}

    folder = begun(run_dir, **{table: [] for table in TABLES})
    stamped(folder)
    run_stage(folder, "gold", "k", gold)
    run_stage(folder, "judge", "k", judge)
    found = round_metrics(folder, stage_stamps(folder), REFUSED)
    assert found["seconds"] == {"prompts": 0, "sample": 0, "gold": 3.5, "judge": 14.5}
    assert found["startup_seconds"] == {"server of desk": 100, "server of second": 4}
    lines = dict(round_lines(found))
    assert lines["seconds"] == "prompts 0, sample 0, gold 4, judge 14"
    assert lines["seconds of start-up"] == "server of desk 100, server of second 4"


def test_a_stage_that_fails_leaves_nothing_to_the_next(run_dir: Path):
    folder = begun(run_dir)

    def fails() -> dict:
        count_startup("server of desk", 98)
        raise ValueError

    with pytest.raises(ValueError):
        run_stage(folder, "gold", "k", fails)
    run_stage(folder, "judge", "k", lambda: {})
    assert stage_stamps(folder)["judge"]["startup"] == {}
    count_startup("nobody's", 5)  # outside a stage it is nobody's


def test_rounds_of_before_have_no_such_line(run_dir: Path):
    metrics = read_json(finished(run_dir) / "metrics.json")
    assert "seconds of start-up" not in dict(round_lines(metrics))
    del metrics["startup_seconds"]
    assert round_lines(metrics)
