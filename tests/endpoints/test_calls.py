"""The calls behind a verdict, word for word."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from scripted import completion

from endpoints.calls import read_calls
from endpoints.journal import Journal
from rounds.errors import UserError

BODY = {"messages": [{"role": "user", "content": "Which?"}], "temperature": 0.0, "seed": 3}


def test_a_call_is_what_was_sent_and_what_came(tmp_path: Path):
    path = tmp_path / "a run [x]?" / "journal.sqlite"
    reply, cut_off = completion("A"), completion("A beca", "length")
    with Journal(path) as journal:
        journal.put("good", "desk", "m", BODY, reply, 0.5)
        journal.put("bad", "desk", "m", BODY, cut_off, 0.25, failed=True)
        calls = read_calls(path, ["good", "bad", "never", "good"])  # while the writer has it open
    assert list(calls) == ["good", "bad"]
    good = calls["good"]
    assert (good.endpoint, good.model, good.cost) == ("desk", "m", 0.5)
    assert good.messages == BODY["messages"]
    assert good.parameters == {"temperature": 0.0, "seed": 3}
    assert good.reply == reply and calls["bad"].reply == cut_off


def test_an_answer_is_shown_rather_than_the_failure_before_it(tmp_path: Path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.put("k", "desk", "m", BODY, completion(None, refusal="no"), 0.5, failed=True)
        journal.put("k", "desk", "m", BODY, completion("A"), 0.5)
    assert read_calls(tmp_path / "journal.sqlite", ["k"])["k"].reply == completion("A")


def test_nothing_is_written_and_a_journal_that_is_elsewhere_is_named(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    with pytest.raises(UserError, match=r"journal.sqlite: no journal here; requests and replies"):
        read_calls(path, ["k"])
    assert not path.exists()


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"no journal" * 500),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:4096]),
    "folder": lambda path: (path.unlink(), path.mkdir()),
    "no request": lambda path: changed(path, "UPDATE answers SET request = '{'"),
    "another request": lambda path: changed(path, "UPDATE answers SET request = '{}'"),
    "no object": lambda path: changed(path, "UPDATE answers SET answer = '[]'"),
    "no table": lambda path: changed(path, "DROP TABLE answers"),
}


def changed(path: Path, command: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(command)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_journal_is_one_message(tmp_path: Path, damage: str):
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        journal.put("k", "desk", "m", BODY, completion("A"), 0.5)
    DAMAGES[damage](path)
    with pytest.raises(UserError, match=r"journal.sqlite: cannot be read as a journal \("):
        read_calls(path, ["k"])


def test_a_journal_in_a_folder_that_cannot_be_written_to_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Root may write anywhere, so that the permission is asked for is what is seen here."""
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        journal.put("k", "desk", "m", BODY, completion("A"), 0.5)
    monkeypatch.setattr(os, "access", lambda *asked: False)
    assert read_calls(path, ["k"])["k"].cost == 0.5
    assert not Path(f"{path}-shm").exists()
