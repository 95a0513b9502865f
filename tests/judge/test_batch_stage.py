"""`judge.batch: true`: the screen goes through the Batch API, the comparisons one by one."""

import json
from pathlib import Path
from typing import Any

import pytest
from judges import answered, honest, worth
from scripted import Raw, Scripted, asks_for_a_score, completion, shown
from scripted_batches import ScriptedBatches

from endpoints import batch_wait
from endpoints.batch_end import BatchFailed
from endpoints.config import EndpointConfig
from endpoints.open import Endpoints
from endpoints.reply import EndpointLost
from judge.config import JudgeConfig
from judge.stage import judge_candidates
from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.errors import UserError
from rounds.tables import read_rows

pytestmark = pytest.mark.long

BATCH = JudgeConfig(endpoint="desk", batch=True)
PRICE = {"input": 1.0, "output": 10.0}
CALL = (10 * 1 + 3 * 10) / 1e6


def scored(number: int, body: dict[str, Any]) -> dict[str, Any]:
    """The line of a batch's output: the score of an honest judge."""
    return {"response": {"status_code": 200, "body": completion(honest(body))}, "error": None}


def failed(number: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"response": {"status_code": 500, "body": {"error": {}}}, "error": None}


@pytest.fixture(autouse=True)
def short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_wait, "POLL", (0.001, 0.002))


@pytest.fixture
def at(endpoint) -> Scripted:
    scripted = endpoint(honest)
    scripted.other = ScriptedBatches(scored)
    return scripted


def judged(folder: Path, at: Scripted, config: JudgeConfig = BATCH, **given: Any) -> dict[str, Any]:
    section = EndpointConfig(base_url=at.base_url, model="m", price=PRICE, max_retries=1)
    with Endpoints({"desk": section}, folder / "logs") as there:
        return judge_candidates(folder, config, there, **given)


def asked(at: Scripted) -> list[str]:
    """What the ordinary calls were for."""
    return ["score" if asks_for_a_score(body) else "compare" for body in at.requests]


def unlike(row: dict[str, Any]) -> dict[str, Any]:
    """A verdict without what it cost."""
    return {name: value for name, value in row.items() if name != "cost"}


def test_every_score_comes_from_one_batch_and_only_the_comparisons_are_calls(run_dir: Path, at):
    folder = answered(run_dir, (3, 9, 1), (2, 4))
    judged(folder, at)
    assert at.other.batch_sizes() == [5] and asked(at) == ["compare"] * 4
    rows = read_rows(folder, "verdicts")
    assert [row["score"] for row in rows if row["kind"] == "pointwise"] == [3, 9, 1, 2, 4]
    assert build_pairs(folder, PairsConfig())["kept"] == 2


def test_the_labels_are_those_of_ordinary_calls_at_half_the_price_of_a_score(
    run_dir: Path, tmp_path: Path, at, endpoint
):
    batched, alone = answered(run_dir, (3, 9, 1)), answered(tmp_path / "runs" / "other", (3, 9, 1))
    judged(batched, at)
    judged(alone, endpoint(honest), JudgeConfig(endpoint="desk"))
    one, other = (read_rows(folder, "verdicts") for folder in (batched, alone))
    assert list(map(unlike, one)) == list(map(unlike, other))
    assert [row["cost"] for row in one] == pytest.approx([CALL / 2] * 3 + [CALL] * 2)
    assert [row["cost"] for row in other] == pytest.approx([CALL] * 5)


def test_what_a_batch_is_asked_is_what_a_call_would_ask(run_dir: Path, tmp_path, at, endpoint):
    alone = endpoint(honest)
    judged(answered(run_dir, (3, 9)), at)
    judged(answered(tmp_path / "runs" / "other", (3, 9)), alone, JudgeConfig(endpoint="desk"))
    lines = [json.loads(line)["body"] for line in at.other.files["file-0"].splitlines()]
    calls = [body for body in alone.requests if asks_for_a_score(body)]
    assert sorted(map(json.dumps, lines)) == sorted(map(json.dumps, calls))


def test_a_round_that_was_batched_is_not_submitted_again(run_dir: Path, at):
    folder = answered(run_dir, (3, 9), (2, 4))
    judged(folder, at)
    before, sent = read_rows(folder, "verdicts"), len(at.requests)
    (folder / "work" / "judge.json").unlink()
    judged(folder, at)
    assert read_rows(folder, "verdicts") == before
    assert at.other.batch_sizes() == [4] and len(at.requests) == sent


def test_a_round_that_was_stopped_waits_for_the_batch_that_is_open(run_dir: Path, at):
    folder = answered(run_dir, (3, 9), (2, 4))
    at.other.lose_the_reply = True
    with pytest.raises(EndpointLost):
        judged(folder, at)
    assert read_rows(folder, "verdicts") == [] and at.requests == []
    at.other.lose_the_reply, at.other.polls_to_the_end = False, 3
    assert judged(folder, at)["verdicts"] == 4 + 4
    assert at.other.batch_sizes() == [4] and asked(at) == ["compare"] * 4


@pytest.mark.parametrize("end", ["completed", "expired", "failed"])
def test_what_a_batch_failed_at_is_asked_one_by_one(run_dir: Path, at, end: str):
    at.other.end = end
    at.other.answer = lambda number, body: (scored if number == 0 else failed)(number, body)
    folder, then = answered(run_dir, (3, 9), (2, 4)), JudgeConfig(endpoint="desk", batch=True)
    if end != "completed":
        for _ in range(2):
            with pytest.raises(BatchFailed, match=rf"batch-0 {end} .*: 1 of 4 calls were answered"):
                judged(folder, at)
        assert at.requests == [], "asked at full price, and nobody had said so"
        then = then.model_copy(update={"batch_failed": "ask"})
    assert judged(folder, at, then)["abstained"] == {}
    assert at.other.batch_sizes() == [4] and sorted(asked(at)) == ["compare"] * 4 + ["score"] * 3


def test_a_batched_reply_that_cannot_be_read_is_an_abstention(run_dir: Path, at):
    def babble(number: int, body: dict[str, Any]) -> Any:
        said = "no idea" if worth(shown(body)[0]) == 9 else honest(body)
        return {"response": {"status_code": 200, "body": completion(said)}, "error": None}

    at.other.answer = babble
    folder = answered(run_dir, (3, 9, 5))
    assert judged(folder, at)["abstained"] == {"not_json": 1}
    assert at.other.batch_sizes() == [3] and asked(at) == ["compare"] * 2


def test_only_what_is_worth_paying_for_is_in_the_batch(run_dir: Path, at):
    folder = answered(run_dir, (3,), (5, 7))
    judged(folder, at)
    assert at.other.batch_sizes() == [2]


def test_the_progress_says_that_a_batch_is_waited_for(run_dir: Path, at):
    notes: list[str] = []
    at.other.polls_to_the_end = 2
    folder = answered(run_dir, (3, 9))
    judged(folder, at, progress=lambda done, total, note="": notes.append(note))
    assert "batch in_progress" in notes and "batch completed" in notes


def test_an_endpoint_without_batches_is_the_users_error_and_nothing_is_paid(run_dir: Path, at):
    at.other.refuse = Raw(404)
    folder = answered(run_dir, (3, 9))
    with pytest.raises(UserError, match="endpoint desk takes no batches"):
        judged(folder, at)
    assert at.requests == [] and read_rows(folder, "verdicts") == []
    judged(folder, at, JudgeConfig(endpoint="desk"))
    assert len(at.requests) == 4
