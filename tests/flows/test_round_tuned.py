"""A policy at an endpoint trained there, round after round, without a GPU: the command killed in
the upload, after the job was created, and in the wait.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from scripted import Raw, Scripted, honest_judge
from scripted_run import write_scripted
from scripted_tuning import ScriptedTuning
from small_run import ROOT, command, environment, run

from rounds.files import read_json
from rounds.folder import policy_history, round_dir
from rounds.tables import read_rows

pytestmark = pytest.mark.slow

TRAINER: dict[str, Any] = {
    "method": "openai",
    "args": {"beta": 0.1, "n_epochs": 2},
    "openai": {"supervised_first": True, "price": 25.0},
}


class Desk:
    """Judge and policy. A model that was tuned answers better than what it was made from."""

    def __init__(self) -> None:
        self.tuning = ScriptedTuning(["m"])
        self.tuning.polls = 1
        self.asked: list[str] = []

    def __call__(self, body: dict[str, Any]) -> Any:
        if body["model"] not in self.tuning.models:
            return Raw(404)
        if not body["messages"]:
            return Raw(400)
        if "response_format" in body:
            return honest_judge(body)
        self.asked.append(body["model"])
        tuned = body["model"].startswith("ft:")
        level = 6 + body["seed"] % 4 if tuned else 1 + body["seed"] % 5
        word = json.dumps(body["messages"][0]["content"])
        return f"quality {level} for {word} by {body['seed'] % 97} and {body['seed'] % 89}"


@pytest.fixture
def desk(endpoint) -> Scripted:
    there = endpoint(Desk())
    there.other = there.script.tuning
    return there


def config(folder: Path, at: Scripted, **changes: Any) -> Path:
    given = {"trainer": TRAINER, "pairs": {"length_guard": None, "near_duplicates": None}} | changes
    path = write_scripted(folder, at, {}, **given)
    import yaml

    tree = yaml.safe_load(path.read_text())
    tree["prompts"]["per_round"] = 16
    gate = [{"prompt": f"gate question number {number}: what now?"} for number in range(8)]
    (folder / "gate.jsonl").write_text("".join(json.dumps(one) + "\n" for one in gate))
    path.write_text(yaml.safe_dump(tree))
    return path


def go_on(folder: Path, path: Path, status: int = 0, *more: str) -> str:
    done = run(folder, "run", str(path), "--without-prefect-server", *more, status=status)
    return done.stdout + done.stderr


def ended(folder: Path, number: int = 1) -> dict[str, Any]:
    return read_json(round_dir(folder / "runs" / "demo", number) / "metrics.json")


def test_two_rounds_without_a_gpu(desk, tmp_path: Path):
    told = tmp_path / "told"
    code = "import sys; open(sys.argv[1], 'a').write(sys.argv[2] + '\\n')"
    hook = {"command": [sys.executable, "-c", code, str(told), "{policy}"]}
    path, there = config(tmp_path, desk, on_promotion=[hook]), desk.script.tuning
    said = go_on(tmp_path, path, 0, "--rounds", "2")
    assert "dpo by job ftjob-1" in " ".join(said.split())
    supervised, first, second = there.jobs.values()
    assert [job["method"]["type"] for job in there.jobs.values()] == ["supervised", "dpo", "dpo"]
    assert supervised["model"] == "m" and first["model"] == supervised["fine_tuned_model"]
    assert second["model"] == first["fine_tuned_model"], "the policy in place is trained further"
    run_dir = tmp_path / "runs" / "demo"
    pairs = read_rows(round_dir(run_dir, 1), "pairs")
    lines = there.files[first["training_file"]]["content"].splitlines()
    assert [json.loads(line)["preferred_output"] for line in lines] == [
        pair["chosen"] for pair in pairs
    ]
    train = ended(tmp_path)["train"]
    assert train["trained_tokens"] == sum(job["trained_tokens"] for job in (supervised, first))
    assert train["cost"] == pytest.approx(train["trained_tokens"] * 25 / 1e6)
    assert ended(tmp_path)["promoted"], ended(tmp_path)["reasons"]
    policy = {"adapter": None, "served": "desk"}
    name = first["fine_tuned_model"]
    history = policy_history(run_dir)
    assert history is not None
    assert history["history"][0]["trained"] == policy | {
        "model": name,
        "policy_id": f"desk/{name}",
    }
    answered = {row["policy_id"] for row in read_rows(round_dir(run_dir, 2), "candidates")}
    assert f"desk/{name}" in answered, "round 2 samples the policy that was promoted"
    assert told.read_text().splitlines()[0] == name, "who is to be told of a promotion was"
    assert run(tmp_path, "verify", str(run_dir)).returncode == 0
    plan = run(tmp_path, "plan", str(path)).stdout
    assert "a job by DPO at desk" in plan


class HeldUp:
    """Holds one request of a kind up, in the server, until it is let go."""

    def __init__(self, what: str) -> None:
        self.what, self.reached, self.goes_on = what, threading.Event(), threading.Event()

    def __call__(self, what: str) -> None:
        if what == self.what and not self.reached.is_set():
            self.reached.set()
            self.goes_on.wait(60)


@pytest.mark.parametrize(
    ("what", "by"),
    [
        *((what, signal.SIGKILL) for what in ("upload", "uploaded", "created", "poll")),
        ("poll", signal.SIGINT),
    ],
)
def test_stopped_and_started_again_there_is_one_job_and_one_bill(
    desk, tmp_path: Path, what: str, by: signal.Signals
):
    trainer = {**TRAINER, "openai": {"price": 25.0}}
    path, there = config(tmp_path, desk, trainer=trainer), desk.script.tuning
    there.at = held = HeldUp(what)
    process = subprocess.Popen(
        command("run", str(path), "--without-prefect-server"),
        cwd=tmp_path,
        env=environment(tmp_path / "prefect") | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=(tmp_path / "killed.log").open("w"),
    )
    while not held.reached.wait(0.1):
        assert process.poll() is None, (tmp_path / "killed.log").read_text()[-3000:]
    os.kill(process.pid, by)
    assert process.wait() in (-signal.SIGKILL, 130)
    held.goes_on.set()
    time.sleep(0.2)  # the server then has the file, or the job
    go_on(tmp_path, path)
    (job,) = there.jobs.values()
    assert there.requests.count("POST /v1/fine_tuning/jobs") == 1
    assert there.billed == job["trained_tokens"] == ended(tmp_path)["train"]["trained_tokens"]
    assert ended(tmp_path)["promoted"]


def test_a_job_that_failed_says_why_and_no_other_is_begun(desk, tmp_path: Path):
    trainer = {**TRAINER, "openai": None}
    path, there = config(tmp_path, desk, trainer=trainer), desk.script.tuning
    there.end = "failed"
    there.error = {"code": "safety", "message": "the data may not be trained on", "param": None}
    for _ in range(2):
        said = go_on(tmp_path, path, 1)
        assert "ended as failed (safety: the data may not be trained on)" in said
        assert "raise trainer.openai.attempts by one" in said
    assert len(there.jobs) == 1
    there.end, there.error = "succeeded", None
    go_on(tmp_path, path, 0, "--set", "trainer.openai.attempts=2")
    assert len(there.jobs) == 2 and ended(tmp_path)["promoted"]


def test_a_job_that_would_be_too_dear_is_not_begun(desk, tmp_path: Path):
    trainer = {**TRAINER, "openai": {"price": 25.0, "max_cost": 0.001}}
    path = config(tmp_path, desk, trainer=trainer)
    assert "trainer.openai.max_cost" in go_on(tmp_path, path, 1)
    assert not desk.script.tuning.jobs and not desk.script.tuning.files
