"""What was answered is written down under a name that says what was asked."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from leases import claimed_elsewhere
from scripted import completion

from endpoints.calls import read_calls
from endpoints.client import from_journal
from endpoints.journal import Journal, request_key
from rounds.errors import LeaseLost
from rounds.lock import run_lock

BODY = {"messages": [{"role": "user", "content": "Q"}], "temperature": 0.0}


def call(path: Path, key: str) -> Any:
    """Request and reply of one call, for inspection."""
    found = read_calls(path, [key]).get(key)
    return found and ({"messages": found.messages, **found.parameters}, found.reply)


def test_an_answer_comes_back_word_for_word_after_reopening(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    answer = {"choices": [{"message": {"content": "é \ud83d \U0001f600"}}], "usage": None}
    with Journal(path) as journal:
        journal.put("k", "desk", "m", BODY, answer, 0.5)
    with Journal(path) as journal:
        assert journal.get("k") == (answer, 0.5)
        assert call(path, "k") == (BODY, answer)
        assert journal.get("other") is call(path, "other") is None


def test_the_first_answer_stays(tmp_path: Path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        for text in ("first", "second"):
            journal.put("k", "desk", "m", BODY, {"text": text}, 0.0)
        assert journal.get("k") == ({"text": "first"}, 0.0)


def test_a_reply_that_is_no_answer_is_kept_for_inspection_each_time_and_answers_nothing(tmp_path):
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        for text in ("first", "second"):
            journal.put("k", "desk", "m", BODY, {"text": text}, 0.25, failed=True)
        assert journal.get("k") is None
        assert journal.failed("k") == ({"text": "second"}, 0.25)
        assert call(path, "k") == (BODY, {"text": "second"})
        assert journal.db.execute("SELECT sum(cost) FROM failed").fetchone() == (0.5,)
        journal.put("k", "desk", "m", BODY, {"text": "third"}, 0.25)
        assert call(path, "k") == (BODY, {"text": "third"})


def test_a_journal_of_the_first_version_is_read(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    with sqlite3.connect(path) as old:
        old.execute(
            "CREATE TABLE answers (key TEXT PRIMARY KEY, endpoint TEXT NOT NULL, model TEXT NOT "
            "NULL, request TEXT NOT NULL, answer TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, "
            "completion_tokens INTEGER NOT NULL, cost REAL NOT NULL, at REAL NOT NULL) "
            "WITHOUT ROWID"
        )
        row = ("k", "desk", "m", json.dumps(BODY), json.dumps(completion("yes")), 1, 2, 0.5, 0.0)
        old.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    with Journal(path) as journal:
        assert journal.get("k") == (completion("yes"), 0.5)
        journal.put("f", "desk", "m", BODY, completion(""), 0.0, failed=True)


def test_an_ask_from_the_journal_sends_nothing_and_says_what_is_there(tmp_path: Path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        for repeat, reply in enumerate([completion("yes"), completion("half", "length")]):
            key = request_key("desk", "m", BODY, "r", repeat)
            journal.put(key, "desk", "m", BODY, reply, 0.5, failed=repeat == 1)
        ask = from_journal("desk", "m", journal)
        answers = [asyncio.run(ask(BODY, "r", repeat)) for repeat in range(3)]
    assert [answer.failure for answer in answers] == [None, "truncated", "not_asked"]
    assert [answer.cost for answer in answers] == [0.5, 0.5, 0.0]


@pytest.mark.parametrize(
    "changed",
    [
        ("desk2", "m", BODY, "r", 0),
        ("desk", "m2", BODY, "r", 0),
        ("desk", "m", {**BODY, "temperature": 0.5}, "r", 0),
        ("desk", "m", {**BODY, "response_format": {}}, "r", 0),
        ("desk", "m", BODY, "r2", 0),
        ("desk", "m", BODY, "r", 1),
    ],
    ids=["endpoint", "model", "sampling", "schema", "rubric", "repeat"],
)
def test_whatever_changes_the_call_changes_its_key(changed: tuple):
    assert request_key(*changed) != request_key("desk", "m", BODY, "r", 0)


def test_the_order_of_arguments_does_not_change_the_key():
    turned = dict(reversed(BODY.items()))
    assert request_key("desk", "m", turned, "r") == request_key("desk", "m", BODY, "r")


def test_a_process_that_lost_the_run_neither_asks_nor_answers(run_dir: Path):
    refused = []
    with pytest.raises(LeaseLost), run_lock(run_dir):
        with Journal(run_dir / "journal.sqlite") as journal:
            journal.put("k", "desk", "m", BODY, {"text": "first"}, 0.0)
            found = journal.get("k")
            claimed_elsewhere(run_dir, 60)
            for use in (
                lambda: journal.get("k"),
                lambda: journal.put("other", "desk", "m", BODY, {}, 0.0),
                lambda: journal.reject("other"),
                lambda: journal.forget(["k"], "why"),
                lambda: Journal(run_dir / "journal.sqlite"),
            ):
                try:
                    use()
                except LeaseLost as lost:
                    refused.append(lost)
        raise RuntimeError
    assert found and len(refused) == 5
    with Journal(run_dir / "journal.sqlite") as journal:
        assert journal.get("k") and journal.get("other") is None


def test_the_disk_is_waited_for_once_a_second_and_at_the_end(tmp_path: Path, monkeypatch):
    waited: list[str] = []
    monkeypatch.setattr("endpoints.journal.sync", lambda path: waited.append(path.name))
    clock = iter([0.0, 0.4, 0.9, 1.1, 1.2, 1.3, 9.0])
    monkeypatch.setattr("endpoints.journal.time.monotonic", lambda: next(clock))
    with Journal(tmp_path / "journal.sqlite") as journal:
        for number in range(3):
            journal.put(f"key {number}", "desk", "m", {"messages": []}, {"usage": {}}, 0.5)
        assert waited == ["journal.sqlite-wal"]
    assert waited == ["journal.sqlite-wal"] * 2
