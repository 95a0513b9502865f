"""A flow that finds its run worked on is skipped; one that takes a run over ends the flow runs of
the dead one."""

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from leases import wait_for
from scripted import Raw, honest_judge, varied_policy
from small_run import ROOT, environment, run

from rounds.at_work import gone
from rounds.files import read_json
from rounds.folder import round_dir

pytestmark = pytest.mark.slow

FLOW = """
import sys
from flows.loop import run_loop
state = run_loop(sys.argv[1], int(sys.argv[2]), sys.argv[3], return_state=True)
print("state:", state.name, state.message)
"""


def hosted(folder: Path, policy: str, judge: str) -> Path:
    """A config without weights."""
    lines = [json.dumps({"prompt": f"Question {number}?"}) for number in range(24)]
    (folder / "prompts.jsonl").write_text("\n".join(lines))
    tree = {
        "name": "hosted",
        "policy": {"endpoint": "policy"},
        "prompts": {"train": "prompts.jsonl", "gate": 4, "test": 4, "per_round": 8},
        "endpoints": {
            "policy": {"base_url": policy, "model": "m"},
            "judge": {"base_url": judge, "model": "m", "max_in_flight": 2},
        },
        "judge": {"endpoint": "judge"},
        "trainer": None,
    }
    path = folder / "hosted.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def begin(folder: Path, config: Path, home: str) -> "subprocess.Popen[str]":
    """A flow run of the loop, without a terminal's command before it."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", FLOW, str(config), "1", str(folder / "runs")],
        cwd=folder,
        env=environment(folder / home, own_server=False) | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: "subprocess.Popen[str]") -> str:
    """The state in which a flow run ended."""
    out, _ = process.communicate(timeout=300)
    states = [line for line in out.splitlines() if line.startswith("state:")]
    assert len(states) == 1, out[-3000:]
    return states[0]


def states_of(folder: Path) -> Counter[str]:
    """How many flow runs the server of `prefloop run` has in each state."""
    with sqlite3.connect(folder / "prefect" / "prefect.db") as database:
        return Counter(name for (name,) in database.execute("select state_name from flow_run"))


class Held:
    """A judge that answers eight questions, and the others once it may."""

    def __init__(self) -> None:
        self.asked, self.may = 0, threading.Event()

    def __call__(self, body: dict[str, Any]) -> str | Raw:
        if not body["messages"]:
            return Raw(400)
        self.asked += 1
        if self.asked > 8:
            self.may.wait()
        return honest_judge(body)


@pytest.fixture
def judge() -> Iterator[Held]:
    """It ends with the test."""
    held = Held()
    yield held
    held.may.set()


def test_of_two_flows_at_once_one_works_and_the_other_is_skipped(
    endpoint, tmp_path: Path, judge: Held
):
    config = hosted(tmp_path, endpoint(varied_policy).base_url, endpoint(judge).base_url)
    both = [begin(tmp_path, config, home) for home in ("one", "other")]
    wait_for(lambda: any(process.poll() is not None for process in both), 300)
    judge.may.set()
    states = sorted(map(ended, both))
    assert states[0].startswith("state: Completed")
    assert states[1].startswith("state: Skipped")
    assert "is working on this run" in states[1]
    assert read_json(round_dir(tmp_path / "runs/hosted", 1) / "manifest.json")["fence"] == 1
    assert not round_dir(tmp_path / "runs/hosted", 2).exists()


def test_who_takes_a_killed_run_over_marks_its_flow_runs_as_crashed(
    endpoint, tmp_path: Path, judge: Held
):
    config = hosted(tmp_path, endpoint(varied_policy).base_url, endpoint(judge).base_url)
    run_dir = tmp_path / "runs" / "hosted"
    killed = subprocess.Popen(
        [sys.executable, "-P", "-m", "prefloop", "run", str(config)],
        cwd=tmp_path,
        env=environment(tmp_path / "prefect") | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: judge.asked > 8 or killed.poll() is not None, 300)
    busy = f"error: {run_dir}: process {killed.pid} is working on this run; wait for it, or stop it"
    assert busy in run(tmp_path, "run", str(config), status=2).stderr
    time.sleep(2)  # until Prefect's server has written that it runs
    killed.kill()
    killed.wait()
    judge.may.set()
    assert str(gone(run_dir)).startswith(f"{killed.pid}, last seen")
    run(tmp_path, "run", str(config))
    assert states_of(tmp_path) == {"Crashed": 2, "Completed": 2}
    assert read_json(round_dir(run_dir, 1) / "manifest.json")["fence"] == 2
