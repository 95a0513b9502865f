"""One stage by hand: which folders it takes, and how it ends."""

import subprocess
import sys
from pathlib import Path

import pytest
from builders import begun, finished
from small_run import ROOT

from rounds.by_hand import by_hand
from rounds.errors import Waiting, WorkFailed
from rounds.folder import round_dir


def status(folder: Path, monkeypatch, stage=lambda folder, tree: "done") -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["stage", str(folder)])
    try:
        by_hand(stage)
    except SystemExit as end:
        return end.code
    return 0


def test_only_a_round_under_way_is_worked_on(run_dir: Path, monkeypatch, capsys):
    done, under_way = finished(run_dir), begun(run_dir, 2)
    assert status(under_way, monkeypatch) == 0
    assert status(done, monkeypatch) == 2
    assert "this round is finished" in capsys.readouterr().err


def test_a_round_that_was_not_begun_is_not_made(run_dir: Path, monkeypatch, capsys):
    finished(run_dir)
    nowhere = round_dir(run_dir, 7)
    assert status(nowhere, monkeypatch, lambda folder, tree: folder.mkdir()) == 2
    assert "no round here" in capsys.readouterr().err and not nowhere.exists()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WorkFailed("judge gone"), 1),
        (KeyboardInterrupt, 130),
        (Waiting("9 more labels", "label them", {}), 3),
    ],
)
def test_work_that_fails_or_is_stopped_says_so_in_its_status(
    run_dir: Path, monkeypatch, capsys, error, code: int
):
    finished(run_dir)

    def fails(folder: Path, tree: dict) -> None:
        raise error

    assert status(begun(run_dir, 2), monkeypatch, fails) == code
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("judge: [unclosed", "cannot be read (expected ',' or ']', but got '<stream end>')"),
        ("- a\n- list", "holds no config"),
        ("name: 2001-99-99", "cannot be read (month must be in 1..12)"),
        ("name: demo", "has no section judge"),
        ("judge: {endpoint: 3, channel: smoke}", "JudgeConfig: "),
    ],
)
def test_a_run_yaml_that_is_damaged_is_one_message(
    run_dir: Path, monkeypatch, capsys, text: str, says: str
):
    from judge.config import JudgeConfig

    folder = begun(run_dir)
    (run_dir / "run.yaml").write_text(text)

    def stage(folder: Path, tree: dict) -> None:
        JudgeConfig.model_validate(tree["judge"])

    assert status(folder, monkeypatch, stage) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {run_dir}/run.yaml: ") and says in said
    assert said.endswith("`prefloop run` with the run's config writes it anew\n")


@pytest.mark.long
@pytest.mark.parametrize(
    ("package", "does"),
    [
        ("sampler", "Sample the candidates of a round under way."),
        ("judge", "Judge the candidates of a round under way."),
        ("pairs", "Make the pairs of a round under way."),
        ("trainer", "Train on the pairs of a round under way."),
        ("gate", "Decide about the policy of a round under way."),
    ],
)
def test_help_says_what_a_stage_does_from_any_folder(tmp_path: Path, package: str, does: str):
    done = subprocess.run(
        [sys.executable, "-m", package, "--help"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: python -P -m {package} ROUND\n\n{does}\n")
