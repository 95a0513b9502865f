"""Batches: submitted once, found again after a kill, waited for, and kept as far as they came."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from asking_all import question
from scripted import Raw, Scripted, completion
from scripted_batches import ScriptedBatches

from endpoints import batch_file, batch_wait
from endpoints.batch import AfterFailure, answer_by_batch
from endpoints.batch_end import BatchFailed
from endpoints.batch_ledger import BatchLedger
from endpoints.calls import read_calls
from endpoints.client import asking
from endpoints.config import EndpointConfig
from endpoints.dialect import Dialect
from endpoints.journal import Journal, request_key
from endpoints.reply import EndpointLost
from endpoints.serve import LiveEndpoint
from endpoints.settled import Settled, remember
from rounds.errors import UserError


def answered(number: int, body: dict[str, Any]) -> dict[str, Any]:
    echo = completion("re: " + body["messages"][0]["content"])
    return {"response": {"status_code": 200, "body": echo}, "error": None}


@pytest.fixture(autouse=True)
def short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_wait, "POLL", (0.001, 0.002))


@pytest.fixture
def at(endpoint) -> Scripted:
    scripted = endpoint(lambda body: "asked one by one")
    scripted.other = ScriptedBatches(answered)
    return scripted


def prefill(
    path: Path,
    at: Scripted,
    texts: str,
    notes: list[Any] | None = None,
    then: AfterFailure = "stop",
) -> dict[str, Any]:
    """Run a batch over one-letter questions; what the journal then says to each."""
    config = EndpointConfig(
        base_url=at.base_url, model="m", max_retries=1, price={"input": 1, "output": 10}
    )
    live = LiveEndpoint(at.base_url, "m", "m", "key")
    questions = [(question(text), "r") for text in texts]

    def progress(done: int, total: int, note: str = "") -> None:
        if notes is not None:
            notes.append((done, total, note))

    async def run(journal: Journal) -> None:
        await answer_by_batch("desk", config, live, journal, questions, progress, then)

    with Journal(path / "journal.sqlite") as journal:
        asyncio.run(run(journal))
        kept = {text: journal.get(request_key("desk", "m", question(text), "r")) for text in texts}
    return {
        text: entry and (entry.completion["choices"][0]["message"]["content"], entry.cost)
        for text, entry in kept.items()
    }


HALF_PRICE = (10 * 1 + 3 * 10) / 1e6 / 2


def test_answers_are_joined_by_their_key_and_kept_at_half_price(at, tmp_path: Path):
    notes: list[Any] = []
    kept = prefill(tmp_path, at, "abc", notes)
    assert kept == {text: (f"re: {text}", pytest.approx(HALF_PRICE)) for text in "abc"}
    assert notes[-1] == (3, 3, "batch completed")
    line = json.loads(at.other.files["file-0"].splitlines()[0])
    assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
    assert line["body"] == {"model": "m", **question("a")}


def test_what_was_in_a_batch_before_a_dialect_changed_is_in_none_again(
    at, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    warm = {text: {**question(text), "temperature": 0} for text in "ab"}
    monkeypatch.setitem(globals(), "question", warm.get)
    prefill(tmp_path, at, "ab")
    config = EndpointConfig(base_url=at.base_url, model="m")
    found = Settled(Dialect(temperature=False), {"judge, pointwise": "form"}, 0)
    remember(tmp_path, "desk", config, found)
    assert prefill(tmp_path, at, "ab")["b"] == ("re: b", pytest.approx(HALF_PRICE))
    assert len(at.other.files) == 2, "one that was submitted and its output"


def test_an_ordinary_call_then_finds_the_answer_and_what_it_cost(at, tmp_path: Path):
    prefill(tmp_path, at, "a")
    config = EndpointConfig(base_url=at.base_url, model="m", price={"input": 1, "output": 10})

    async def ask_one() -> Any:
        with Journal(tmp_path / "journal.sqlite") as journal:
            async with asking(
                "desk", config, LiveEndpoint(at.base_url, "m", "m", "key"), journal
            ) as ask:
                return await ask(question("a"), "r")

    answer = asyncio.run(ask_one())
    assert (answer.text, answer.cost) == ("re: a", pytest.approx(HALF_PRICE))
    assert at.requests == []


def test_what_is_in_the_journal_is_not_submitted(at, tmp_path: Path):
    prefill(tmp_path, at, "ab")
    prefill(tmp_path, at, "ab")
    prefill(tmp_path, at, "abc")
    assert at.other.batch_sizes() == [2, 1]


def test_what_an_ordinary_call_answered_is_not_submitted(at, tmp_path: Path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        key = request_key("desk", "m", question("a"), "r")
        journal.put(key, "desk", "m", question("a"), completion("yes"), 0.5)
    assert prefill(tmp_path, at, "ab")["a"] == ("yes", 0.5)
    assert at.other.batch_sizes() == [1]


def test_a_run_that_is_continued_waits_for_its_open_batch(at, tmp_path: Path, monkeypatch):
    at.other.polls_to_the_end = 3
    with monkeypatch.context() as patch:
        patch.setattr(batch_wait, "POLL", (30.0, 60.0))
        with pytest.raises(TimeoutError):
            killed_after(0.3, tmp_path, at, "ab")
    assert prefill(tmp_path, at, "ab")["b"][0] == "re: b"
    assert at.other.batch_sizes() == [2]


def killed_after(seconds: float, path: Path, at: Scripted, texts: str) -> None:
    config, live = (
        EndpointConfig(base_url=at.base_url, model="m"),
        LiveEndpoint(at.base_url, "m", "m", "k"),
    )
    questions = [(question(text), "r") for text in texts]

    async def run(journal: Journal) -> None:
        work = answer_by_batch("desk", config, live, journal, questions, lambda *_: None)
        await asyncio.wait_for(work, seconds)

    with Journal(path / "journal.sqlite") as journal:
        asyncio.run(run(journal))


def test_a_batch_that_was_created_before_the_kill_is_found_again(at, tmp_path: Path):
    at.other.lose_the_reply = True
    with pytest.raises(EndpointLost):
        prefill(tmp_path, at, "ab")
    at.other.lose_the_reply = False
    assert prefill(tmp_path, at, "abc")["a"][0] == "re: a"
    assert at.other.batch_sizes() == [2, 1], "what was in a batch was submitted again"


def test_a_batch_that_was_planned_and_never_created_is_submitted(at, tmp_path: Path):
    at.other.refuse = Raw(500)
    with pytest.raises(EndpointLost):
        prefill(tmp_path, at, "ab")
    at.other.refuse = None
    assert prefill(tmp_path, at, "ab")["a"][0] == "re: a"
    assert at.other.batch_sizes() == [2]


def first_only(number: int, body: dict[str, Any]) -> Any:
    return answered(number, body) if number == 0 else None


def second_fails(number: int, body: dict[str, Any]) -> Any:
    failed = {"response": {"status_code": 500, "body": {"error": {}}}, "error": None}
    return failed if number == 1 else answered(number, body)


def second_is_cut_off(number: int, body: dict[str, Any]) -> Any:
    cut = {"response": {"status_code": 200, "body": completion("half", "length")}, "error": None}
    return cut if number == 1 else answered(number, body)


@pytest.mark.parametrize(
    ("end", "answer"),
    [
        ("completed", first_only),
        ("completed", second_fails),
        ("completed", second_is_cut_off),
    ],
)
def test_what_a_batch_did_is_kept_and_the_rest_left_for_ordinary_calls(
    at, tmp_path: Path, end: str, answer: Any
):
    at.other.end, at.other.answer = end, answer
    for _ in range(2):
        kept = prefill(tmp_path, at, "ab")
        assert kept["a"][0] == "re: a" and kept["b"] is None
    assert at.other.batch_sizes() == [2], "the rest went into another batch"


def test_a_paid_reply_that_is_no_answer_is_counted_once(at, tmp_path: Path):
    at.other.answer = second_is_cut_off
    for _ in range(2):
        prefill(tmp_path, at, "ab")
    with Journal(tmp_path / "journal.sqlite") as journal:
        kept = journal.failed(request_key("desk", "m", question("b"), "r"))
        assert journal.db.execute("SELECT count(*) FROM failed").fetchone() == (1,)
    assert kept is not None and kept.cost == pytest.approx(HALF_PRICE)


TOO_MANY = {
    "code": "token_limit_exceeded",
    "message": "Enqueued token limit reached for m",
    "line": 3,
}


def test_a_batch_that_failed_ends_the_stage_with_what_it_said_and_asks_nothing(at, tmp_path):
    at.other.end, at.other.answer = "failed", lambda number, body: None
    at.other.errors = [TOO_MANY]
    for _ in range(2):
        with pytest.raises(BatchFailed) as raised:
            prefill(tmp_path, at, "ab")
        said = str(raised.value)
        assert "batch batch-0 failed (token_limit_exceeded: Enqueued token limit reached" in said
        assert "0 of 2 calls were answered" in said and "judge.batch_failed: submit" in said
    assert at.other.batch_sizes() == [2] and at.requests == [], "it was submitted again"


@pytest.mark.parametrize("end", ["expired", "cancelled"])
def test_what_a_batch_that_did_not_come_to_its_end_answered_is_kept(at, tmp_path: Path, end: str):
    at.other.end, at.other.answer = end, first_only
    at.other.error_lines = [
        {"custom_id": str(n), "response": None, "error": {"code": "batch_expired", "message": why}}
        for n, why in enumerate(["too late", "too late", "much too late"])
    ]
    with pytest.raises(BatchFailed) as raised:
        prefill(tmp_path, at, "ab")
    said = str(raised.value)
    assert f"{end} (2 times batch_expired: too late; batch_expired: much too late): 1 of 2" in said
    assert prefill(tmp_path, at, "a")["a"][0] == "re: a", "what was answered needs no setting"
    kept = prefill(tmp_path, at, "ab", then="ask")
    assert kept["a"][0] == "re: a" and kept["b"] is None, "left for ordinary calls"
    assert at.other.batch_sizes() == [2]
    at.other.end, at.other.answer = "completed", answered
    assert prefill(tmp_path, at, "ab", then="submit")["b"][0] == "re: b"
    assert at.other.batch_sizes() == [2, 1]
    prefill(tmp_path, at, "ab")
    assert at.other.batch_sizes() == [2, 1]


def test_the_same_calls_in_a_new_batch_are_another_batch(at, tmp_path: Path):
    at.other.end, at.other.answer = "failed", lambda number, body: None
    for _ in range(3):
        with pytest.raises(BatchFailed):
            prefill(tmp_path, at, "ab", then="submit")
    assert at.other.batch_sizes() == [2, 2, 2], "one a run"
    marks = {batch["metadata"]["prefloop"] for batch in at.other.batches}
    assert len(marks) == 3
    at.other.lose_the_reply, at.other.end, at.other.answer = True, "completed", answered
    with pytest.raises(EndpointLost):
        prefill(tmp_path, at, "ab", then="submit")
    at.other.lose_the_reply = False
    assert prefill(tmp_path, at, "ab")["a"][0] == "re: a", "found again, and it was this one"
    assert at.other.batch_sizes() == [2, 2, 2, 2]


def test_a_few_failed_calls_are_said_and_many_are_a_failed_batch(at, tmp_path: Path, caplog):
    texts = "abcdefghijklmnopqrstuvwxyz"
    refused = {"status_code": 429, "body": {"error": {"message": "slow down"}}}

    def last_ones_fail(count: int) -> Any:
        return lambda number, body: (
            {"response": refused, "error": None}
            if number >= len(texts) - count
            else answered(number, body)
        )

    at.other.answer = last_ones_fail(10)
    assert [*prefill(tmp_path / "few", at, texts).values()][-10:] == [None] * 10
    (line,) = [record.getMessage() for record in caplog.records if record.name == "prefloop"]
    assert line == (
        "endpoint desk: batch batch-0 completed (10 times 429: slow down): 16 of 26 calls were "
        "answered; the others are asked one by one"
    )
    at.other.answer = last_ones_fail(11)
    with pytest.raises(BatchFailed, match=r"\(11 times 429: slow down\): 15 of 26 calls"):
        prefill(tmp_path / "many", at, texts)


def test_a_ledger_of_an_earlier_version_is_gone_on_with(at, tmp_path: Path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.db.execute(
            "CREATE TABLE batches (digest TEXT PRIMARY KEY, endpoint TEXT NOT NULL, state TEXT NOT "
            "NULL, batch_id TEXT NOT NULL, keys TEXT NOT NULL) WITHOUT ROWID"
        )
        key = request_key("desk", "m", question("a"), "r")
        row = ("d", "desk", "done", "batch-9", json.dumps([key]))
        journal.db.execute("INSERT INTO batches VALUES (?, ?, ?, ?, ?)", row)
    kept = prefill(tmp_path, at, "ab")
    assert kept["a"] is None and kept["b"][0] == "re: b"
    assert at.other.batch_sizes() == [1]


def test_answers_that_nobody_asks_for_any_more_are_kept_too(at, tmp_path: Path):
    at.other.lose_the_reply = True
    with pytest.raises(EndpointLost):
        prefill(tmp_path, at, "ab")
    at.other.lose_the_reply = False
    prefill(tmp_path, at, "b")
    key = request_key("desk", "m", question("a"), "r")
    assert key in read_calls(tmp_path / "journal.sqlite", [key])


def test_files_keep_to_the_limits_of_the_batch_api(at, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(batch_file, "MOST_LINES", 2)
    assert len(prefill(tmp_path, at, "abcde")) == 5
    assert at.other.batch_sizes() == [2, 2, 1]
    monkeypatch.setattr(batch_file, "MOST_BYTES", 10)
    prefill(tmp_path, at, "fg")
    assert at.other.batch_sizes()[3:] == [1, 1]


def test_an_endpoint_without_batches_is_the_users_error(at, tmp_path: Path):
    at.other.refuse = Raw(404)
    with pytest.raises(UserError, match="endpoint desk takes no batches"):
        prefill(tmp_path, at, "a")


def test_answers_and_the_end_of_their_batch_are_written_together(tmp_path: Path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        with pytest.raises(ZeroDivisionError), BatchLedger(journal, "desk").at_once():
            journal.put("k", "desk", "m", {}, completion("yes"), 0.0)
            1 / 0  # noqa: B018
        assert journal.get("k") is None
