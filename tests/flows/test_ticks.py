"""A flow that finds its run worked on is skipped; one that takes a run over ends the flow runs of the
dead one."""

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from leases import claimed_elsewhere
from scripted import Raw, honest_judge, varied_policy
from small_run import ROOT, environment, run

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


def begin(folder: Path, config: Path) -> "subprocess.Popen[str]":
    """A flow run of the loop, without a terminal's command before it."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", FLOW, str(config), "1", str(folder / "runs")],
        cwd=folder,
        env=environment(folder / "prefect", own_server=False) | {"PYTHONPATH": str(ROOT)},
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
    import sqlite3

    with sqlite3.connect(folder / "prefect" / "prefect.db") as database:
        return Counter(name for (name,) in database.execute("select state_name from flow_run"))


def slow_judge(body: dict[str, Any]) -> str | Raw:
    """A judge that takes its time, but for questions without one."""
    if body["messages"]:
        time.sleep(0.3)
    return honest_judge(body) if body["messages"] else Raw(400)


def test_of_two_flows_at_once_one_works_and_the_other_is_skipped(endpoint, tmp_path: Path):
    config = hosted(tmp_path, endpoint(varied_policy).base_url, endpoint(slow_judge).base_url)
    states = sorted(map(ended, [begin(tmp_path, config), begin(tmp_path, config)]))
    assert states[0].startswith("state: Completed")
    assert states[1].startswith("state: Skipped")
    assert "is working on this run" in states[1]
    assert read_json(round_dir(tmp_path / "runs/hosted", 1) / "manifest.json")["fence"] == 1
    assert not round_dir(tmp_path / "runs/hosted", 2).exists()


def test_who_takes_a_killed_run_over_marks_its_flow_runs_as_crashed(endpoint, tmp_path: Path):
    judge = endpoint(slow_judge)
    config = hosted(tmp_path, endpoint(varied_policy).base_url, judge.base_url)
    killed = subprocess.Popen(
        [sys.executable, "-P", "-m", "prefloop", "run", str(config)],
        cwd=tmp_path,
        env=environment(tmp_path / "prefect") | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while len(judge.requests) < 8:
        assert killed.poll() is None
        time.sleep(0.05)
    claimed = "error: " + str(tmp_path / "runs/hosted") + f": process {killed.pid} is working on"
    assert claimed in run(tmp_path, "run", str(config), status=2).stderr
    time.sleep(2)  # until Prefect's server has written that it runs
    killed.kill()
    killed.wait()
    assert f"process {killed.pid}, last seen" in run(tmp_path, "status", "runs/hosted").stdout
    run(tmp_path, "run", str(config))
    assert states_of(tmp_path) == {"Crashed": 2, "Completed": 2}
    manifest = read_json(round_dir(tmp_path / "runs/hosted", 1) / "manifest.json")
    assert manifest["fence"] == 2
    asked = Counter(json.dumps(body["messages"]) for body in judge.requests if body["messages"])
    again = [text for text, count in asked.items() if count > 1]
    assert len(again) <= 2 + 2, "more than was in flight was asked again"


def test_a_terminal_takes_over_from_another_machine_in_the_stated_time(endpoint, tmp_path: Path):
    config = hosted(tmp_path, endpoint(varied_policy).base_url, endpoint(honest_judge).base_url)
    claimed_elsewhere(tmp_path / "runs/hosted", 3)
    time.sleep(1)
    done = run(tmp_path, "run", str(config), own_server=False)
    said = " ".join(done.stderr.split())
    assert (
        "process 77 on elsewhere works on this run, or did, and has given no sign of life" in said
    )
    assert "taken over from process 77 on elsewhere" in said
