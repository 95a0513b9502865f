"""One stage by hand: which folders it takes, and how it ends."""

import sys
from pathlib import Path

import pytest
from builders import begun, finished

from rounds.by_hand import by_hand
from rounds.errors import WorkFailed
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
    ("error", "code"), [(WorkFailed("judge gone"), 1), (KeyboardInterrupt, 130)]
)
def test_work_that_fails_or_is_stopped_says_so_in_its_status(
    run_dir: Path, monkeypatch, capsys, error, code: int
):
    finished(run_dir)

    def fails(folder: Path, tree: dict) -> None:
        raise error

    assert status(begun(run_dir, 2), monkeypatch, fails) == code
    assert "Traceback" not in capsys.readouterr().err
