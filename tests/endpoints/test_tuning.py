"""Fine-tuning jobs: one for the same pairs, whatever is lost on the way, and what it says."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from scripted import Raw, Scripted, completion
from scripted_tuning import ScriptedTuning

from endpoints import outlast, tuning_begin, tuning_wait
from endpoints.config import EndpointConfig
from endpoints.journal import Journal
from endpoints.open import Endpoints
from endpoints.reply import EndpointAway
from endpoints.tuning import Tuned, TuningFailed, fine_tune
from endpoints.tuning_begin import Tuning
from endpoints.tuning_check import check_tuning
from endpoints.tuning_ledger import Job, TuningLedger
from rounds.errors import LeaseLost, UserError

pytestmark = pytest.mark.long

ROW = {
    "input": {
        "messages": [{"role": "user", "content": "Hi?"}],
        "tools": [],
        "parallel_tool_calls": True,
    },
    "preferred_output": [{"role": "assistant", "content": "Hello."}],
    "non_preferred_output": [{"role": "assistant", "content": "No."}],
}
METHOD = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1, "n_epochs": 2}}}


def lines(n: int = 12, **changes: Any) -> bytes:
    return b"".join(json.dumps(ROW | changes).encode() + b"\n" for _ in range(n))


WANTED = Tuning("m", METHOD, lines(), 7, "demo-1")


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning_wait, "POLL", (0.001, 0.002))
    monkeypatch.setattr(tuning_begin, "LOOK_AGAIN", (0.001, 0.001, 0.001))
    monkeypatch.setattr(outlast, "PROBE", 0.01)


@pytest.fixture
def at(endpoint) -> Scripted:
    there = ScriptedTuning(["m"])

    def chats(body: dict[str, Any]) -> Any:
        if body["model"] not in there.models:
            return Raw(404)
        return Raw(400) if not body["messages"] else completion("fine")

    scripted = endpoint(chats)
    scripted.other = there
    return scripted


def tuned(
    at: Scripted,
    folder: Path,
    wanted: Tuning = WANTED,
    notes: list[str] | None = None,
    **given: Any,
) -> Tuned:
    section = EndpointConfig(base_url=at.base_url, model="m", max_retries=0, **given)

    def progress(done: int, total: int, note: str = "") -> None:
        if notes is not None:
            notes.append(f"{done}/{total} {note}")

    with Endpoints({"desk": section}, folder / "logs") as there:
        with Journal(folder / "journal.sqlite") as journal:
            live = there.live("desk")
            return asyncio.run(fine_tune("desk", section, live, journal, wanted, progress))


def test_a_job_is_uploaded_created_and_waited_for_and_its_model_answers(at, tmp_path: Path):
    notes: list[str] = []
    made = tuned(at, tmp_path, notes=notes)
    (job,), (file,) = at.other.jobs.values(), at.other.files.values()
    assert made == Tuned(
        "ftjob-0",
        job["fine_tuned_model"],
        job["trained_tokens"],
        [{"step": step, "loss": pytest.approx(1 / (step + 1))} for step in (1, 2, 3)],
    )
    assert job["method"] == METHOD and job["seed"] == 7
    assert job["metadata"] == {"prefloop": WANTED.digest}
    assert job["user_provided_suffix"] == f"demo-1-{WANTED.digest[:12]}"
    assert file["content"].encode() == WANTED.content and file["purpose"] == "fine-tune"
    assert any("2/3 job ftjob-0 running: Step 2/3" in note for note in notes)


def test_what_succeeded_is_not_asked_for_again(at, tmp_path: Path):
    first = tuned(at, tmp_path)
    assert tuned(at, tmp_path) == first
    assert len(at.other.jobs) == len(at.other.files) == 1


def test_other_pairs_arguments_and_seeds_are_other_jobs():
    others = [
        WANTED._replace(content=lines(13)),
        WANTED._replace(model="n"),
        WANTED._replace(method={"type": "dpo", "dpo": {}}),
        WANTED._replace(seed=8),
        WANTED._replace(attempt=2),
    ]
    assert len({WANTED.digest, *(one.digest for one in others)}) == 6
    assert WANTED._replace(name="other").digest == WANTED.digest
    assert len(WANTED._replace(name="long" * 40).suffix) <= 40


@pytest.mark.parametrize("lost", ["uploaded", "created", "poll"])
def test_a_reply_that_is_lost_costs_no_second_job(at, tmp_path: Path, lost: str):
    at.other.lose.add(lost)
    made = tuned(at, tmp_path)
    assert made.model and len(at.other.jobs) == 1
    assert len(at.other.files) == 1, "the file of an upload whose reply was lost is found"


def test_a_job_that_is_listed_late_is_found(at, tmp_path: Path):
    at.other.lose.add("created")
    at.other.lists_late = 2
    tuned(at, tmp_path)
    assert len(at.other.jobs) == 1


def test_a_job_that_is_listed_late_is_found_after_a_kill_as_well(
    at, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    put = TuningLedger.put

    def killed(ledger: TuningLedger, job: Job) -> Job:
        if job.state == "created":
            raise KeyboardInterrupt
        return put(ledger, job)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(TuningLedger, "put", killed)
        tuned(at, tmp_path)
    at.other.lists_late = 2
    tuned(at, tmp_path)
    assert len(at.other.jobs) == 1


def test_a_job_is_found_behind_many_others_by_metadata_or_by_suffix(at, tmp_path: Path):
    at.other.page = 2
    tuned(at, tmp_path / "one")
    for number in range(5):
        tuned(at, tmp_path / "others", WANTED._replace(seed=number))
    assert len(at.other.jobs) == 6
    at.other.jobs["ftjob-0"]["metadata"] = None  # a provider that keeps none
    made = tuned(at, tmp_path / "a journal that was lost")
    assert made.job_id == "ftjob-0" and len(at.other.jobs) == 6


def test_a_job_that_failed_stops_with_its_reason_until_another_is_allowed(at, tmp_path: Path):
    at.other.end = "failed"
    at.other.error = {"code": "no_credit", "message": "pay\nfirst", "param": None}
    for _ in range(2):
        with pytest.raises(TuningFailed, match=r"ftjob-0 ended as failed \(no_credit: pay first\)"):
            tuned(at, tmp_path)
    assert len(at.other.jobs) == 1
    at.other.end, at.other.error = "succeeded", None
    assert tuned(at, tmp_path, WANTED._replace(attempts=2)).job_id == "ftjob-1"
    assert tuned(at, tmp_path, WANTED._replace(attempts=9)).job_id == "ftjob-1"
    assert len(at.other.jobs) == 2


def test_a_job_that_was_cancelled_stops_too(at, tmp_path: Path):
    at.other.end = "cancelled"
    with pytest.raises(TuningFailed, match="ftjob-0 ended as cancelled; the pairs are kept"):
        tuned(at, tmp_path)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (WANTED._replace(content=lines(9)), "must have at least 10 examples"),
        (WANTED._replace(content=lines(12, extra=1)), "line 1: has the keys"),
        (WANTED._replace(content=b"nonsense\n" * 12), "line 1 is no JSON"),
    ],
)
def test_what_the_endpoint_finds_in_the_file_is_said(at, tmp_path: Path, wanted, said: str):
    with pytest.raises(TuningFailed, match=said):
        tuned(at, tmp_path, wanted)


def test_a_request_that_is_refused_is_said_and_not_repeated(at, tmp_path: Path):
    bad = WANTED._replace(method={"type": "dpo", "dpo": {"hyperparameters": {"gamma": 1}}})
    with pytest.raises(TuningFailed, match="does not take the fine-tuning job: 400.*gamma"):
        tuned(at, tmp_path, bad)
    assert at.other.requests.count("POST /v1/fine_tuning/jobs") == 1 and not at.other.jobs


def test_an_endpoint_that_is_away_is_waited_for(at, tmp_path: Path):
    at.other.answers_status["GET /v1/fine_tuning/jobs"] = 503
    with pytest.raises(EndpointAway):
        tuned(at, tmp_path, wait_for=0.05)
    times = []

    def back(what: str) -> None:
        times.append(what)
        at.other.answers_status.pop("GET /v1/fine_tuning/jobs/ftjob-0", None)

    at.other.answers_status.clear()
    at.other.at = back
    assert tuned(at, tmp_path).model and len(at.other.jobs) == 1


def test_the_model_is_waited_for_until_it_is_found(at, tmp_path: Path):
    asked: list[str] = []
    answers = at.script

    def late(body: dict[str, Any]) -> Any:
        asked.append(body["model"])
        return Raw(404) if len(asked) < 4 else answers(body)

    at.script = late
    made = tuned(at, tmp_path)
    assert asked == [made.model] * 4


def test_who_has_lost_the_run_asks_and_creates_nothing_more(
    at, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lost: list[str] = []

    def check() -> None:
        if lost:
            raise LeaseLost("another has taken the run over")

    monkeypatch.setattr("endpoints.journal.fence_around", lambda path: check)
    at.other.at = lambda what: lost.append(what) if what in ("uploaded", "poll") else None
    with pytest.raises(LeaseLost):
        tuned(at, tmp_path)
    assert len(at.other.files) == 1 and not at.other.jobs
    lost.clear()
    at.other.at = lambda what: lost.append(what) if what == "poll" else None
    with pytest.raises(LeaseLost):
        tuned(at, tmp_path)
    assert lost == ["poll"] and len(at.other.jobs) == 1


def test_secrets_are_in_no_message(at, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KEY", "sk-very-secret-key")
    at.other.end = "failed"
    at.other.error = {"code": "x", "message": "key sk-very-secret-key is spent", "param": None}
    with pytest.raises(TuningFailed) as failure:
        tuned(at, tmp_path, api_key_env="KEY")
    assert "sk-very" not in str(failure.value)


def test_an_endpoint_without_fine_tuning_is_refused_before_anything_is_spent(at, endpoint):
    check_tuning("desk", EndpointConfig(base_url=at.base_url, model="m"), "k")
    plain = endpoint(lambda body: "no")
    plain.other = lambda method, path, data: Raw(404)
    with pytest.raises(UserError, match="does not list fine-tuning jobs at /fine_tuning/jobs"):
        check_tuning("desk", EndpointConfig(base_url=plain.base_url, model="m"), "k")


def test_the_intent_is_written_before_the_creation_and_the_ids_after(at, tmp_path: Path):
    states: list[tuple[str, str, str]] = []

    def look(what: str) -> None:
        import sqlite3

        db = sqlite3.connect(tmp_path / "journal.sqlite")
        (row,) = db.execute("SELECT state, file_id, job_id FROM tunings").fetchall()
        states.append((what, *row))
        db.close()

    at.other.at = look
    at.other.polls = 0
    tuned(at, tmp_path)
    assert states == [
        ("upload", "planned", "", ""),
        ("uploaded", "planned", "", ""),
        ("created", "creating", "file-0", ""),
        ("poll", "created", "file-0", "ftjob-0"),
    ]
    with Journal(tmp_path / "journal.sqlite") as journal:
        job = TuningLedger(journal, "desk").get(WANTED.digest)
    assert job is not None and job.state == "succeeded"
