"""An endpoint is asked as fast as it can take it: 429, Retry-After, calls and tokens a minute."""

import asyncio
import random
import re
import threading
import time
from collections import Counter
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from asking_all import ask_all, question
from scripted import Raw, completion

from endpoints import attempts, waits
from endpoints.client import asking
from endpoints.config import EndpointConfig
from endpoints.faults import retry_after
from endpoints.journal import Journal
from endpoints.meter import Meter
from endpoints.pace import Pace
from endpoints.places import Place
from endpoints.reply import EndpointBusy, EndpointLost
from endpoints.serve import LiveEndpoint

pytestmark = pytest.mark.long

NO_WAIT: dict[str, str | None] = {"Retry-After-Ms": None}
BUSY = Raw(429, headers=NO_WAIT)


@pytest.fixture(autouse=True)
def short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "RETRY_DELAY", 0.01)
    monkeypatch.setattr(attempts, "RETRY_DELAY_TOLD", 0.001)


def calls(count: int) -> list[tuple[dict[str, Any], str]]:
    return [(question(str(i)), "r") for i in range(count)]


def wait_for(seconds: str) -> Raw:
    return Raw(429, headers={**NO_WAIT, "Retry-After": seconds})


@pytest.mark.parametrize("busy", [BUSY, wait_for("0.01")], ids=["bare 429", "with Retry-After"])
def test_an_endpoint_that_takes_a_quarter_of_what_is_asked_loses_none(endpoint, tmp_path, busy):
    def script(body: dict[str, Any]) -> Any:
        if at.open_now > 16:
            return busy
        time.sleep(0.02)
        return "yes"

    at = endpoint(script)
    tally: Counter[str] = Counter()
    answers = ask_all(tmp_path, at, calls(120), max_in_flight=64, tally=tally)
    assert [answer.text for answer in answers] == ["yes"] * 120
    assert tally["http_429"] > 0
    assert tally["calls"] == 120 + tally["retries"] == len(at.requests)


def test_a_call_that_others_crowd_out_is_not_given_up(endpoint, tmp_path: Path):
    def script(body: dict[str, Any]) -> Any:
        mine = body["messages"][0]["content"] == "0"
        time.sleep(0.005)
        return BUSY if mine and len(at.requests) < 40 else "yes"

    at = endpoint(script)
    answers = ask_all(tmp_path, at, calls(40), max_in_flight=2, max_retries=1)
    assert {answer.text for answer in answers} == {"yes"}


@pytest.mark.parametrize("busy", [BUSY, Raw(429)], ids=["bare 429", "with Retry-After"])
def test_an_endpoint_that_is_busy_to_the_end_is_lost(endpoint, tmp_path: Path, busy: Raw):
    at = endpoint(lambda body: "yes" if len(at.requests) <= 2 else busy)
    given = {"max_in_flight": 1, "max_retries": 1, "timeout": 0.1}
    with pytest.raises(EndpointLost, match=r"desk .*nothing but 429 .*as scripted"):
        ask_all(tmp_path, at, calls(5), **given)
    asked = len(at.requests)
    at.script = lambda body: "yes"
    assert {answer.text for answer in ask_all(tmp_path, at, calls(5))} == {"yes"}
    assert len(at.requests) == asked + 3, "what was answered was asked again"


def test_a_used_up_quota_is_not_waited_for(endpoint, tmp_path: Path):
    at = endpoint(lambda body: Raw(429, '{"error": {"code": "insufficient_quota"}}'))
    with pytest.raises(EndpointLost, match="quota is used up"):
        ask_all(tmp_path, at, calls(5), max_in_flight=1, max_retries=1, timeout=0.2)
    assert len(at.requests) == 1


def test_a_request_too_large_for_its_limit_is_rejected_and_does_not_block_the_rest(
    endpoint, tmp_path
):
    large = Raw(429, '{"error": {"message": "Request too large for m on tokens per min"}}')
    at = endpoint(lambda body: large if body["messages"][0]["content"] == "0" else "yes")
    answers = ask_all(tmp_path, at, calls(2), max_retries=1, timeout=0.2)
    assert [answer.failure for answer in answers] == ["api_error", None]


def test_the_whole_endpoint_pauses_for_as_long_as_it_asks(endpoint, tmp_path: Path):
    times: list[float] = []

    def script(body: dict[str, Any]) -> Any:
        times.append(time.monotonic())
        return wait_for("0.3") if len(times) == 1 else "yes"

    answers = ask_all(tmp_path, endpoint(script), calls(6), max_in_flight=1, max_retries=0)
    assert {answer.text for answer in answers} == {"yes"}
    assert times[1] - times[0] > 0.29


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_wait_beyond_the_cap_ends_the_stream_and_says_until_when(endpoint, tmp_path, form: str):
    until = time.time() + 3599
    header = "3599" if form == "seconds" else formatdate(until, usegmt=True)
    body = '{"error": {"message": "daily limit of sk-abcdefgh12345 reached", "code": "x"}}'
    later = Raw(429, body, headers={**NO_WAIT, "Retry-After": header})
    at = endpoint(lambda body: "yes" if len(at.requests) <= 2 else later)
    with pytest.raises(EndpointBusy) as raised:
        ask_all(tmp_path, at, calls(5), max_in_flight=1)
    said = str(raised.value)
    times = {time.strftime("%H:%M", time.localtime(until + more)) for more in (-2, 2)}
    assert any(f" {at_time}" in said for at_time in times), said
    assert "max_retry_after is 120 s (429: daily limit of sk-*** reached)" in said
    assert "abcdefgh" not in said
    asked, at.script = len(at.requests), lambda body: "yes"
    assert {answer.text for answer in ask_all(tmp_path, at, calls(5))} == {"yes"}
    assert len(at.requests) == asked + 3, "what was answered was asked again"


def test_a_wait_of_more_than_some_seconds_is_said_once_with_the_time_it_goes_on(
    endpoint, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(waits, "WORTH_SAYING", 0.2)
    at = endpoint(lambda body: wait_for("0.4") if len(at.requests) <= 8 else "yes", delay=0.05)
    answers = ask_all(tmp_path, at, calls(20), max_in_flight=8)
    assert {answer.text for answer in answers} == {"yes"}
    line, _ = [record.getMessage() for record in caplog.records if record.name == "prefloop"]
    assert re.fullmatch(
        r"endpoint desk: waits 0 s as it asks, goes on at \d\d:\d\d:\d\d \(429: as scripted\)", line
    )


def test_a_silence_while_calls_are_tried_again_is_said_once(
    endpoint, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(waits, "SILENCE", 0.05)
    at = endpoint(lambda body: Raw(500) if len(at.requests) <= 20 else "yes", delay=0.03)
    answers = ask_all(tmp_path, at, calls(4), max_in_flight=4)
    assert {answer.text for answer in answers} == {"yes"}
    (line,) = [record.getMessage() for record in caplog.records if record.name == "prefloop"]
    assert line.endswith("calls are tried again (500: as scripted)")


def test_a_retry_after_of_one_call_in_fifty_holds_only_that_call_up(endpoint, tmp_path: Path):
    """250 calls at 16 in flight take 0.3 s; five pauses of 4 s would make that more than 20 s."""
    refused: set[str] = set()

    def script(body: dict[str, Any]) -> Any:
        text = body["messages"][0]["content"]
        if int(text) % 50 == 49 and text not in refused:
            refused.add(text)
            return wait_for("4")
        time.sleep(0.02)
        return "yes"

    at = endpoint(script)
    started = time.monotonic()
    answers = ask_all(tmp_path, at, calls(250), max_in_flight=16)
    assert {answer.text for answer in answers} == {"yes"} and len(at.requests) == 255
    assert time.monotonic() - started < 16


def test_calls_that_hang_do_not_hold_the_others_up_and_are_not_sent_twice(endpoint, tmp_path):
    """15 calls hang until all are sent; the eight places would be taken before a third is."""
    all_sent = threading.Event()

    def script(body: dict[str, Any]) -> Any:
        if len(at.requests) == 250:
            all_sent.set()
        if int(body["messages"][0]["content"]) % 50 in (6, 7, 8):
            all_sent.wait(20)
        time.sleep(0.005)
        return "yes"

    at = endpoint(script)
    started = time.monotonic()
    answers = ask_all(tmp_path, at, calls(250), max_in_flight=8)
    assert {answer.text for answer in answers} == {"yes"} and len(at.requests) == 250
    assert time.monotonic() - started < 15


def test_no_more_calls_are_open_than_allowed_where_all_are_slow(endpoint, tmp_path: Path):
    """Ten times as slow from one call to the next: nothing is overtaken, nothing hangs."""
    at = endpoint(lambda body: time.sleep(0.005 if len(at.requests) < 100 else 0.05) or "yes")
    ask_all(tmp_path, at, calls(200), max_in_flight=4)
    assert at.most_open == 4


def test_a_pause_of_hours_ends_with_the_stream(endpoint, tmp_path: Path):
    """What ends it here is a call that was open when the pause began."""
    paused = threading.Event()

    def script(body: dict[str, Any]) -> Any:
        if body["messages"][0]["content"] == "0":
            paused.wait(5)
            time.sleep(0.05)
            return Raw(401)
        paused.set()
        return wait_for("9000")

    at = endpoint(script)
    started = time.monotonic()
    with pytest.raises(EndpointLost, match="401"):
        ask_all(tmp_path, at, calls(4), max_in_flight=2, max_retry_after=10_000)
    assert time.monotonic() - started < 3
    assert len(at.requests) == 2


def test_a_pause_of_hours_can_be_interrupted(endpoint, tmp_path: Path):
    at = endpoint(lambda body: wait_for("9000"))
    config, live = (
        EndpointConfig(base_url=at.base_url, model="m", max_retry_after=10_000),
        LiveEndpoint(at.base_url, "m", "m", "k"),
    )

    async def ask_one() -> None:
        with Journal(tmp_path / "journal.sqlite") as journal:
            async with asking("desk", config, live, journal) as ask:
                await ask(question("x"), "r")

    started = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(ask_one(), 0.1))
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3600"}, 3600.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:99 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_at_any_length_and_garbage_is_not(headers, seconds):
    assert retry_after(headers) == seconds


def test_retry_after_may_be_a_date():
    date = formatdate(time.time() + 200, usegmt=True)
    assert 190 < (retry_after({"retry-after": date}) or 0) <= 200


def test_no_more_requests_a_minute_are_sent_than_allowed(endpoint, tmp_path: Path):
    at = endpoint(lambda body: "yes")
    started = time.monotonic()
    ask_all(tmp_path, at, calls(26), rpm=1200)  # a second's worth at once, the rest at 20 a second
    assert time.monotonic() - started > 0.2


def test_no_more_tokens_a_minute_are_sent_than_allowed(endpoint, tmp_path: Path):
    reply = completion("yes") | {"usage": {"prompt_tokens": 100, "completion_tokens": 0}}
    at = endpoint(lambda body: reply)
    long = [(question(f"{'word ' * 80} {i}"), "r") for i in range(13)]  # about 100 tokens each
    started = time.monotonic()
    ask_all(tmp_path, at, long, tpm=60_000)  # a thousand at once, the rest at 1,000 a second
    assert time.monotonic() - started > 0.1


def test_tokens_that_were_guessed_and_not_used_hold_nothing_up(endpoint, tmp_path: Path):
    at = endpoint(lambda body: "yes")  # says that it used 13 tokens
    long = [(question(f"{'word ' * 800} {i}"), "r") for i in range(5)]  # about 1,000 each
    started = time.monotonic()
    ask_all(tmp_path, at, long, tpm=60_000, max_in_flight=1)
    assert time.monotonic() - started < 2, "four seconds by the guess alone"


def test_tokens_are_guessed_from_the_messages_and_the_mean_answer_so_far():
    async def run() -> list[int]:
        pace = paced(tpm=1000)
        first = pace.estimate_tokens(question("x" * 400))
        for written in (10, 30):
            pace.answered(Place(1, 0), 0, 100, written)
        return [first, pace.estimate_tokens(question("x" * 400))]

    assert asyncio.run(run()) == [100, 120]


def test_what_was_guessed_too_high_is_given_back():
    meter = Meter(6000)
    meter.use(100.0, 900)
    assert meter.wait(100.0) > 8
    meter.use(100.0, -850)
    assert meter.wait(100.0) <= 0


def paced(**given: Any) -> Pace:
    return Pace(EndpointConfig(base_url="http://x", model="m", **given))


def test_of_calls_refused_by_chance_none_waits_for_the_bad_luck_of_another(
    endpoint, tmp_path: Path
):
    """70 % of 429s, each with a Retry-After: paused as a whole it would take four times as long."""
    chance = random.Random(0)

    def script(body: dict[str, Any]) -> Any:
        if chance.random() < 0.7:
            return wait_for("0.2")
        time.sleep(0.02)
        return "yes"

    at, started = endpoint(script), time.monotonic()
    answers = ask_all(tmp_path, at, calls(200), max_in_flight=32)
    assert {answer.text for answer in answers} == {"yes"}
    assert time.monotonic() - started < 20


def test_the_rate_reached_is_said_where_many_were_refused(endpoint, tmp_path, caplog):
    at = endpoint(lambda body: BUSY if len(at.requests) % 2 else "yes", delay=0.01)
    ask_all(tmp_path, at, calls(40), max_in_flight=4)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "prefloop"]
    assert re.fullmatch(
        r"endpoint desk: refused \d\d % of \d+ calls \(429\), and answered \d+\.\d a second", line
    )
    caplog.clear()
    at.script = lambda body: "yes"
    ask_all(tmp_path, at, [(question(f"{i} again"), "r") for i in range(40)], max_in_flight=4)
    assert not caplog.records
