"""A full disk is one error, whoever meets it and however it says so."""

import errno
import sqlite3
from pathlib import Path

import pytest

from rounds import disk, progress
from rounds.disk import DiskFull, disk_full, require_room, size_text
from rounds.files import write_text
from rounds.stages import silent
from rounds.stopped import noting_stops, read_stop


def sqlite_full() -> sqlite3.Error:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = 778
    return error


def arrow_full() -> OSError:
    return OSError(errno.ENOSPC, "Error writing bytes to file. Detail: [errno 28] No space left")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/runs/demo/x"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EFBIG, "File too large"),
        arrow_full(),
        sqlite3.OperationalError("database or disk is full"),
        sqlite_full(),
    ],
    ids=["table", "quota", "limit", "arrow", "journal", "its log"],
)
def test_a_stage_that_meets_one_stops_with_the_folder(run_dir: Path, error: Exception):
    folder = run_dir / "rounds" / "0001"
    (folder / "work").mkdir(parents=True)
    with pytest.raises(DiskFull, match=r"^disk full: /.* free\); delete .*prefloop gc"):
        with noting_stops(folder, "judge"):
            raise error
    stop = read_stop(folder)
    assert stop is not None and stop["reason"].startswith("disk full: ")


def test_what_is_behind_another_error_counts_and_others_do_not(tmp_path: Path):
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError:
            raise ValueError("while it was told") from None
    except ValueError as error:
        assert disk_full(error, tmp_path) is not None
    assert disk_full(OSError(errno.EACCES, "denied"), tmp_path) is None
    assert disk_full(sqlite3.OperationalError("database is locked"), tmp_path) is None


def test_no_room_for_the_note_of_it_changes_nothing(run_dir: Path, monkeypatch):
    folder = run_dir / "rounds" / "0001"
    folder.mkdir(parents=True)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rounds.stopped.write_json", full)
    with pytest.raises(DiskFull), noting_stops(folder, "judge"):
        write_text(folder / "x", "y")
        full()


def test_a_stage_stops_before_the_last_of_it_is_taken(run_dir: Path, monkeypatch):
    folder = run_dir / "rounds" / "0001"
    folder.mkdir(parents=True)
    report = progress.noting(folder, "judge", silent)
    report(1, 2)
    monkeypatch.setattr(disk, "free_bytes", lambda path: 1_000_000)
    with pytest.raises(DiskFull, match="16.8 MB are needed"):
        report(2, 2)
    with pytest.raises(DiskFull), noting_stops(folder, "pairs"):
        raise AssertionError("it has begun")


def test_an_error_that_is_its_own_cause_has_an_end(tmp_path: Path):
    error = ValueError("no")
    error.__cause__ = error
    assert disk_full(error, tmp_path) is None


def test_sizes_are_as_people_read_them(tmp_path: Path):
    assert [size_text(n) for n in (7, 1500, 345_600_000, 2e9, 3.2e12)] == [
        *("7 bytes", "1.5 KB", "346 MB", "2.0 GB", "3.2 TB")
    ]
    require_room(tmp_path / "not" / "there", 1)
