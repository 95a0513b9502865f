"""The runs of a folder, one line each."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from builders import begun, finished
from small_run import typed

from rounds.errors import Waiting, WorkFailed
from rounds.files import write_text
from rounds.lock import run_lock
from rounds.overview import age_text, overview_rows, runs_status
from rounds.stopped import noting_stops


def run_at(folder: Path, name: str) -> Path:
    write_text(folder / name / "run.yaml", yaml.safe_dump({"name": name, "judge": {}}))
    return folder / name


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with a run in each state."""
    folder = tmp_path / "runs"
    run_at(folder, "new")
    finished(run_at(folder, "done"))
    begun(run_at(folder, "killed"))
    finished(run_at(folder, "stops"))
    with pytest.raises(WorkFailed), noting_stops(begun(folder / "stops", 2), "judge"):
        raise WorkFailed("the judge is away")
    with pytest.raises(Waiting), noting_stops(begun(run_at(folder, "waits")), "gate"):
        raise Waiting("3 more labels", "label", {"n": 3})
    (folder / "notes").mkdir()
    return folder


def test_each_run_has_its_state_round_and_decision(runs: Path):
    begun(run_at(runs, "works"))
    with run_lock(runs / "works"):
        found = {run.pop("run"): run for run in runs_status(runs)}
    states = {name: (run["round"], run["stage"], run["state"]) for name, run in found.items()}
    assert states == {
        "done": (1, None, "finished"),
        "killed": (1, "prompts", "interrupted"),
        "new": (0, None, "new"),
        "stops": (2, "judge", "stopped"),
        "waits": (1, "gate", "waiting"),
        "works": (1, "prompts", "running"),
    }
    assert found["stops"]["reason"] == "the judge is away"
    assert found["stops"]["decision"] == found["done"]["decision"]
    assert found["done"]["decision"].endswith("kept the policy in place")
    assert found["waits"]["decision"] is None


def test_the_age_is_that_of_the_newest_file(runs: Path):
    (run,) = [run for run in runs_status(runs) if run["run"] == "killed"]
    now = datetime.fromisoformat(run["changed"]) + timedelta(hours=3)
    assert overview_rows([run], now) == [("killed", "1", "prompts", "interrupted", "", "3 h")]
    later = datetime.now(UTC).timestamp() + 500
    os.utime(runs / "killed" / "rounds" / "0001" / "work" / "start.json", (later, later))
    (changed,) = [run["changed"] for run in runs_status(runs) if run["run"] == "killed"]
    assert datetime.fromisoformat(changed).timestamp() == int(later)
    assert list(map(age_text, (-3, 59, 60, 7200, 200000))) == ["0 s", "59 s", "1 min", "2 h", "2 d"]


def test_the_command_shows_a_line_a_run(runs: Path):
    lines = typed(runs.parent, "status", "runs").output.splitlines()
    assert len(lines) == 2 + 5 and "last decision" in lines[1]
    (stopped,) = [line for line in lines if line.startswith("stops")]
    assert "stopped: the judge is away" in stopped
    told = json.loads(typed(runs.parent, "status", "runs", "--json").output)
    assert [run["run"] for run in told] == ["done", "killed", "new", "stops", "waits"]


def test_one_run_is_shown_as_before(runs: Path):
    assert "done, round 1" in typed(runs.parent, "status", "runs/done").output
