"""What was answered is written down under a name that says what was asked."""

from pathlib import Path

import pytest

from endpoints.journal import Journal, request_key

BODY = {"messages": [{"role": "user", "content": "Q"}], "temperature": 0.0}


def test_an_answer_comes_back_word_for_word_after_reopening(tmp_path: Path):
    path = tmp_path / "journal.sqlite"
    answer = {"choices": [{"message": {"content": "é \ud83d \U0001f600"}}], "usage": None}
    with Journal(path) as journal:
        journal.put("k", "desk", "m", BODY, answer, 0.5)
    with Journal(path) as journal:
        assert journal.get("k") == answer
        assert journal.call("k") == (BODY, answer)
        assert journal.get("other") is journal.call("other") is None


def test_the_first_answer_stays(tmp_path: Path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        for text in ("first", "second"):
            journal.put("k", "desk", "m", BODY, {"text": text}, 0.0)
        assert journal.get("k") == {"text": "first"}


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
