"""An endpoint is lost when it no longer answers, not because it refuses faster than it answers."""

import time
from pathlib import Path
from typing import Any

import pytest
from asking_all import ask_all, question
from scripted import Raw

from endpoints import attempts
from endpoints.reply import EndpointLost, EndpointRefuses
from endpoints.standing import Standing

pytestmark = pytest.mark.long

NO_WAIT: dict[str, str | None] = {"Retry-After-Ms": None}
TOO_LONG = Raw(400, '{"error": {"message": "the prompt is too long for m"}}')


@pytest.fixture(autouse=True)
def short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "RETRY_DELAY", 0.01)


def number_of(body: dict[str, Any]) -> int:
    return int(body["messages"][0]["content"])


def calls(count: int) -> list[tuple[dict[str, Any], str]]:
    return [(question(str(i)), "r") for i in range(count)]


def refused_at_once(body: dict[str, Any]) -> Any:
    """15 % of the questions; the others take their time."""
    if number_of(body) % 20 < 3:
        return TOO_LONG
    time.sleep(0.5)
    return "yes"


def test_instant_refusals_of_some_do_not_outrun_the_answers_to_the_others(endpoint, tmp_path: Path):
    answers = ask_all(tmp_path, endpoint(refused_at_once), calls(200), max_in_flight=64)
    assert [answer.text for answer in answers].count("yes") == 170
    assert [answer.failure for answer in answers].count("api_error") == 30


def test_nor_in_a_round_that_is_continued(endpoint, tmp_path: Path):
    at = endpoint(refused_at_once)
    ask_all(tmp_path, at, calls(100), max_in_flight=64)
    answers = ask_all(tmp_path, at, calls(200), max_in_flight=64)
    assert [answer.text for answer in answers].count("yes") == 170
    assert len(at.requests) == 200 + 15, "what was rejected is asked again, and nothing else"


@pytest.mark.parametrize("seconds", [0, 0.2], ids=["at once", "slow"])
def test_refusals_in_a_burst_after_answers_are_about_what_was_asked(endpoint, tmp_path, seconds):
    """The questions come sorted: forty refusals in a row, more than there were answers before."""

    def script(body: dict[str, Any]) -> Any:
        if 20 <= number_of(body) < 60:
            return TOO_LONG
        time.sleep(seconds)
        return "yes"

    answers = ask_all(tmp_path, endpoint(script), calls(100), max_in_flight=8)
    assert [answer.text for answer in answers].count("yes") == 60


@pytest.mark.parametrize(("in_flight", "most"), [(1, 12), (64, 80)])
def test_an_endpoint_that_refuses_all_ends_with_what_it_said_once(
    endpoint, tmp_path, in_flight: int, most: int
):
    """So many calls are open before the first refusal comes; few are sent after."""
    at = endpoint(lambda body: TOO_LONG)
    started = time.monotonic()
    with pytest.raises(EndpointRefuses) as raised:
        ask_all(tmp_path, at, calls(500), max_in_flight=in_flight)
    assert time.monotonic() - started < 5
    assert len(at.requests) <= most
    assert str(raised.value).count("the prompt is too long for m") == 1


@pytest.mark.parametrize("end", [TOO_LONG, Raw(503), None], ids=["refuses", "503", "hangs"])
def test_an_endpoint_that_dies_in_the_middle_is_lost_in_bounded_time(
    endpoint, tmp_path, caplog, end
):
    def script(body: dict[str, Any]) -> Any:
        if len(at.requests) <= 200:
            time.sleep(0.02)
            return "yes"
        if end is None:
            time.sleep(2)
        return end

    at = endpoint(script)
    started = time.monotonic()
    with pytest.raises(EndpointLost, match="in a row failed|answered nothing|nothing has answered"):
        ask_all(tmp_path, at, calls(2000), max_in_flight=16, timeout=0.3, max_retries=1, wait_for=1)
    assert time.monotonic() - started < 20
    assert len(at.requests) < 600
    # once the last answers that were under way come in; what a gateway says is no sign of it
    assert caplog.text.count("is there again") < 4


def test_one_that_hangs_does_not_keep_it_from_being_lost(endpoint, tmp_path: Path):
    """At first one call hangs for longer than anybody waits; all others are refused at once."""

    def script(body: dict[str, Any]) -> Any:
        if number_of(body) == 0:
            time.sleep(3)
        return TOO_LONG

    at = endpoint(script)
    started = time.monotonic()
    with pytest.raises(EndpointLost):
        ask_all(tmp_path, at, calls(500), max_in_flight=8, timeout=0.5, max_retries=8)
    assert time.monotonic() - started < 4
    assert len(at.requests) < 40


def test_what_is_open_decides_and_one_answer_clears_it():
    standing = Standing()
    assert {standing.failed(True, 20) for _ in range(9)} == {"answers"}
    assert standing.failed(True, 20) == "in doubt"
    assert {standing.failed(True, 20 - n) for n in range(1, 20)} == {"in doubt"}
    assert standing.failed(True, 0) == "lost"
    standing.answered()
    assert standing.failed(True, 0) == "answers"


def test_ten_failures_among_many_answers_are_no_doubt():
    standing = Standing()
    for _ in range(100):
        standing.answered()
    states = [standing.failed(False, 8) for _ in range(70)]
    assert states.index("in doubt") == 50 and states.index("lost") == 58


def test_after_an_answer_it_takes_a_hundred_refusals_or_ten_failures_of_another_kind():
    def standing() -> Standing:
        begun = Standing()
        begun.answered()
        return begun

    refused = standing()
    states = [refused.failed(True, 0) for _ in range(100)]
    assert states == ["answers"] * 99 + ["lost"]
    failed = standing()
    assert [failed.failed(False, 0) for _ in range(10)] == ["answers"] * 9 + ["lost"]
    among_refusals = standing()
    assert {among_refusals.failed(True, 0) for _ in range(50)} == {"answers"}
    assert [among_refusals.failed(False, 0) for _ in range(10)] == ["answers"] * 9 + ["lost"]
