"""How far a stage is can be read from the folder of its round, and by `status --watch`."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builders import begun, finished, prompt_row
from small_run import ROOT

import rounds.progress
from rounds.lock import run_lock
from rounds.progress import noting, progress_text, read_progress
from rounds.stages import silent
from rounds.status import round_state, state_lines


def test_progress_is_noted_now_and_then_and_at_the_end(run_dir: Path):
    folder = begun(run_dir, prompts=[prompt_row()])
    shown = []
    report = noting(folder, "judge", lambda done, total, note="": shown.append(done))
    report(1, 50, "first")
    first = read_progress(folder)
    for done in range(2, 50):
        report(done, 50)
    assert read_progress(folder) == first, "not more than once a second"
    report(50, 50)
    last = read_progress(folder)
    assert last is not None and (last["done"], last["stage"]) == (50, "judge")
    assert shown == list(range(1, 51))
    assert progress_text(last).startswith("judge: 50 of 50 (2")


def test_a_finished_round_gets_no_work_folder_again(run_dir: Path):
    folder = finished(run_dir)
    noting(folder, "late", silent)(1, 1)
    assert not (folder / "work").exists()


def test_status_shows_it_while_a_process_is_at_work(run_dir: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rounds.progress, "EVERY", 0)
    folder = begun(run_dir, prompts=[prompt_row()])
    (run_dir / "run.yaml").write_text("name: demo\njudge: {gold: null}\ntrainer: null\n")
    noting(folder, "judge", silent)(3, 8, "warm")
    assert "progress" not in dict(state_lines(round_state(folder))), "it was killed"
    with run_lock(run_dir):
        lines = dict(state_lines(round_state(folder)))
    assert lines["progress"].startswith("judge: 3 of 8, warm (")


def test_watching_says_what_changes_and_ends_by_ctrl_c(run_dir: Path):
    finished(run_dir)
    watching = subprocess.Popen(
        [sys.executable, "-P", "-m", "prefloop", "status", str(run_dir), "--watch"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert watching.stdout is not None
    assert watching.stdout.readline() == "round 1 finished: 1 pairs, kept the policy in place\n"
    begun(run_dir, 2, prompts=[prompt_row()])
    assert watching.stdout.readline() == "round 2: next prompts\n"
    watching.send_signal(2)
    started = time.monotonic()
    assert watching.wait(20) == 0 and time.monotonic() - started < 15
