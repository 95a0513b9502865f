"""A journal that is damaged, or gone while a round rests on it, is found before a call is made."""

import sqlite3
from pathlib import Path

import pytest

from endpoints import journal_check
from endpoints.journal import Journal
from endpoints.journal_check import check_journal
from rounds.errors import UserError

REPLY = {"choices": [{"message": {"content": "x" * 3000}}], "usage": {}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "demo" / "journal.sqlite"
    with Journal(path) as journal:
        for number in range(40):
            journal.put(f"key {number}", "desk", "m", {"messages": []}, REPLY, 0.5)
    return path


def test_a_whole_journal_passes_and_one_that_is_not_there_yet(path: Path, tmp_path: Path):
    check_journal(path, needed=True)
    check_journal(tmp_path / "journal.sqlite")


def test_a_journal_that_a_kill_left_open_passes(path: Path):
    journal = Journal(path)
    journal.put("last", "desk", "m", {"messages": []}, REPLY, 0.5)
    log = path.with_name("journal.sqlite-wal")
    data, reply = path.read_bytes(), log.read_bytes()
    journal.db.close()
    path.write_bytes(data), log.write_bytes(reply)
    check_journal(path, needed=True)
    with Journal(path) as again:
        assert again.get("last") and again.get("key 0")


def test_a_journal_that_is_gone_is_missed_where_a_round_rests_on_it(path: Path):
    path.unlink()
    with pytest.raises(UserError, match=r"journal.sqlite: is not there, and the round under way"):
        check_journal(path, needed=True)


@pytest.mark.parametrize("size", [0.6, 0.1])
def test_a_journal_that_is_cut_off(path: Path, size: float):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * size)])
    with pytest.raises(
        UserError, match=r"journal.sqlite: is damaged \(.*\); put a copy of it back"
    ):
        check_journal(path)


def test_a_journal_that_was_written_into(path: Path, monkeypatch):
    data = bytearray(path.read_bytes())
    data[3 * 4096 : 3 * 4096 + 400] = b"by hand " * 50
    path.write_bytes(data)
    with pytest.raises(UserError, match="is damaged"):
        check_journal(path)
    monkeypatch.setattr(journal_check, "QUICK", 1)  # a large one is read through if asked to
    check_journal(path)
    with pytest.raises(UserError, match="is damaged"):
        check_journal(path, thorough=True)


def test_another_file_in_its_place(path: Path):
    path.write_text("not a journal at all, but long enough to be taken for something else" * 9)
    with pytest.raises(UserError, match=r"is damaged \(file is not a database\)"):
        check_journal(path)


def test_a_reply_that_is_no_json_any_more_names_its_row(path: Path):
    with sqlite3.connect(path) as db:
        db.execute("UPDATE answers SET answer = '{' WHERE key = 'key 7'")
    db.close()
    with Journal(path) as journal, pytest.raises(UserError, match="kept under key 7 is no JSON"):
        journal.get("key 7")
