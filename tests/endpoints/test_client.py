"""Calls are bounded, retried, answered once and written down once; failures are not answers."""

import asyncio
import json
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from asking_all import ask_all, question
from scripted import Raw, Scripted, completion

from endpoints import attempts, lane, line
from endpoints.client import asking
from endpoints.concurrency import run_concurrently
from endpoints.config import EndpointConfig
from endpoints.journal import Journal
from endpoints.reply import EndpointLost, Reply
from endpoints.serve import LiveEndpoint
from rounds.errors import UserError

HTML = Raw(200, "<html>welcome</html>", "text/html")


def asked_text(body: dict[str, Any]) -> str:
    return str(body["messages"][0]["content"])


def test_an_answered_call_is_never_sent_again(endpoint, tmp_path: Path):
    at = endpoint(lambda body: "yes")
    calls = [(question(str(i)), "r") for i in range(3)]
    first, second = ask_all(tmp_path, at, calls), ask_all(tmp_path, at, calls)
    assert len(at.requests) == 3
    assert [answer.text for answer in first] == [answer.text for answer in second] == ["yes"] * 3
    assert [answer.paid_now for answer in first + second] == [True] * 3 + [False] * 3
    assert (second[0].prompt_tokens, second[0].completion_tokens) == (10, 3)


def test_the_journal_answers_at_another_address(endpoint, tmp_path: Path):
    before, after = endpoint(lambda body: "yes"), endpoint(lambda body: "no")
    ask_all(tmp_path, before, [(question("x"), "r")])
    assert ask_all(tmp_path, after, [(question("x"), "r")])[0].text == "yes"
    assert after.requests == []


def test_the_repeat_index_asks_again(endpoint, tmp_path: Path):
    at = endpoint(lambda body: "yes")
    ask_all(tmp_path, at, [(question("x"), "r", index) for index in range(3)])
    assert len(at.requests) == 3


def test_the_same_question_twice_at_once_is_one_call(endpoint, tmp_path: Path):
    at = endpoint(lambda body: "yes", delay=0.05)
    answers = ask_all(tmp_path, at, [(question("x"), "r")] * 4)
    assert len(at.requests) == 1
    assert len(answers) == 4 and {answer.text for answer in answers} == {"yes"}


def test_a_price_is_per_million_tokens(endpoint, tmp_path: Path):
    price = {"input": 1.0, "output": 10.0}
    answer = ask_all(tmp_path, endpoint(lambda body: "y"), [(question("x"), "r")], price=price)[0]
    assert answer.cost == pytest.approx((10 * 1.0 + 3 * 10.0) / 1e6)


def test_no_more_calls_are_open_than_allowed(endpoint, tmp_path: Path):
    at = endpoint(lambda body: "yes", delay=0.02)
    ask_all(tmp_path, at, [(question(str(i)), "r") for i in range(12)], max_in_flight=3)
    assert len(at.requests) == 12
    assert at.most_open == 3


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_endpoint_is_asked_again(endpoint, tmp_path: Path, status: int):
    replies = iter([Raw(status), Raw(status), "yes"])
    at = endpoint(lambda body: next(replies))
    assert ask_all(tmp_path, at, [(question("x"), "r")])[0].text == "yes"
    assert len(at.requests) == 3


NO_WAIT: dict[str, str | None] = {"Retry-After-Ms": None}
CUT_OFF = Raw(200, '{"choices": [', headers={"Content-Length": "900"})


@pytest.mark.parametrize(
    "reply",
    [
        CUT_OFF,
        Raw(200, '{"choices": ['),
        Raw(200, "[" * 100_000),
        HTML,
        Raw(408, headers=NO_WAIT),
        Raw(409, headers=NO_WAIT),
    ],
    ids=["connection breaks off", "cut-off json", "nothing but brackets", "html", "408", "409"],
)
def test_what_broke_on_the_way_is_asked_again(endpoint, tmp_path, monkeypatch, reply: Raw):
    monkeypatch.setattr(attempts, "RETRY_DELAY", 0.01)
    replies = iter([reply, reply, "yes"])
    at = endpoint(lambda body: next(replies))
    tally: Counter[str] = Counter()
    answer = ask_all(tmp_path, at, [(question("x"), "r")], tally=tally)[0]
    assert (answer.text, answer.failure) == ("yes", None)
    assert (tally["calls"], tally["retries"]) == (3, 2)


def test_a_call_that_hangs_is_ended_and_asked_again(endpoint, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(attempts, "RETRY_DELAY", 0.01)

    def script(body: dict[str, Any]) -> str:
        time.sleep(0.4 if len(at.requests) == 1 else 0)
        return "yes"

    at = endpoint(script)
    tally: Counter[str] = Counter()
    assert ask_all(tmp_path, at, [(question("x"), "r")], timeout=0.1, tally=tally)[0].text == "yes"
    assert (tally["calls"], tally["timeouts"]) == (2, 1)


def test_the_key_and_the_arguments_that_only_some_endpoints_take_are_sent(endpoint, tmp_path):
    at = endpoint(lambda body: "yes")
    body = {**question("x"), "extra_body": {"min_p": 0.1}, "timeout": 5}
    ask_all(tmp_path, at, [(body, "r")])
    assert at.keys == {"Bearer key"}
    assert at.requests == [{**question("x"), "model": "m", "min_p": 0.1}]


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_an_endpoint_that_refuses_us_is_lost(endpoint, tmp_path: Path, status: int):
    at = endpoint(lambda body: Raw(status))
    with pytest.raises(EndpointLost, match=r"endpoint desk .*127\.0\.0\.1"):
        ask_all(tmp_path, at, [(question("x"), "r")])
    assert len(at.requests) == 1


def test_an_endpoint_that_is_gone_is_lost(tmp_path: Path):
    gone = Scripted(lambda body: "", ["m"], 0)
    gone.base_url = "http://127.0.0.1:9/v1"
    tally: Counter[str] = Counter()
    with pytest.raises(EndpointLost, match="endpoint desk"):
        ask_all(tmp_path, gone, [(question("x"), "r")], max_retries=1, tally=tally, wait_for=0)
    assert tally["calls"] == 1


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (completion(None, refusal="I will not."), "refused"),
        (completion("half an ans", "length"), "truncated"),
        (completion("", "content_filter"), "content_filter"),
        (completion("part", "content_filter"), "content_filter"),
        (completion(" \n"), "empty"),
        (completion(None), "empty"),
        (completion([{"type": "thinking", "thinking": "hm"}]), "empty"),  # type: ignore[arg-type]
        (completion([{"type": "refusal", "refusal": "no"}]), "refused"),  # type: ignore[arg-type]
        (completion(7), "empty"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_finished_text_is_its_own_failure(endpoint, tmp_path, reply, failure):
    replies = iter([reply, "yes"])
    at = endpoint(lambda body: next(replies))
    first, second = (ask_all(tmp_path, at, [(question("x"), "r")])[0] for _ in range(2))
    assert (first.failure, first.cost, first.paid_now) == (failure, 0.0, True)
    assert (second.failure, second.text) == (None, "yes"), "a failure answered a later run"


def test_a_failure_is_not_asked_again_in_the_same_stream(endpoint, tmp_path: Path):
    at = endpoint(lambda body: completion("half an ans", "length"))
    config = EndpointConfig(base_url=at.base_url, model="m")

    async def run() -> list[Reply]:
        with Journal(tmp_path / "journal.sqlite") as journal:
            live = LiveEndpoint(at.base_url, "m", "m", "key")
            async with asking("desk", config, live, journal) as ask:
                return [await ask(question("x"), "r") for _ in range(3)]

    answers = asyncio.run(run())
    assert [answer.failure for answer in answers] == ["truncated"] * 3
    assert [answer.paid_now for answer in answers] == [True, False, False]
    assert len(at.requests) == 1


def test_a_failure_that_the_caller_can_use_is_an_answer(endpoint, tmp_path: Path):
    at = endpoint(lambda body: completion("half an ans", "length"))
    for _ in range(2):
        answer = ask_all(tmp_path, at, [(question("x"), "r")], usable=["truncated"])[0]
        assert (answer.failure, answer.text) == ("truncated", "half an ans")
    assert len(at.requests) == 1


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_one_token_that_was_asked_for_is_not_truncated(endpoint, tmp_path: Path, limit: str):
    at = endpoint(lambda body: completion("A", "length"))
    calls = [({**question("x"), limit: tokens}, "r") for tokens in (1, 2)]
    assert [answer.failure for answer in ask_all(tmp_path, at, calls)] == [None, "truncated"]


def test_log_probabilities_come_back_as_sent_and_the_last_of_them_are_kept(endpoint, tmp_path):
    tokens = [{"token": str(i), "logprob": -0.5, "top_logprobs": []} for i in range(100)]

    def script(body: dict[str, Any]) -> Any:
        reply = completion("yes")
        reply["choices"][0]["logprobs"] = {"content": tokens[: int(asked_text(body))]}
        return reply

    at = endpoint(script)
    calls = [(question(str(i)), "r") for i in (3, 100)]
    for _ in range(2):
        short, long = ask_all(tmp_path, at, calls)
        assert short.logprobs == tokens[:3]
        assert long.logprobs == tokens[36:]
    assert ask_all(tmp_path, endpoint(lambda body: "y"), [(question("x"), "r")])[0].logprobs is None


def test_of_the_log_probabilities_only_what_says_something_is_kept(tmp_path, endpoint):
    likely = {"token": "A", "logprob": -0.1, "bytes": [65]}
    piece = {"token": "?", "logprob": -3.0, "bytes": [195]}
    unlikely = {"token": "B", "logprob": -12.0, "bytes": [66]}

    def judge(body: dict[str, Any]) -> dict[str, Any]:
        reply = completion("A")
        sound = {**likely, "top_logprobs": [likely, piece, unlikely, {"token": None}]}
        entry = sound if asked_text(body) == "sound" else {"token": "A", "logprob": None}
        reply["choices"][0]["logprobs"] = {"content": [entry]}
        return reply

    calls = [(question(name), "r") for name in ("sound", "broken")]
    sound, broken = ask_all(tmp_path, endpoint(judge), calls)
    kept = {"token": "A", "logprob": -0.1}
    assert sound.logprobs == [{**kept, "top_logprobs": [kept, piece]}]
    assert broken.logprobs is None and broken.text == "A"


@pytest.mark.parametrize(
    "error",
    [
        {"message": "logprobs are not supported with this model"},
        {"message": "unsupported argument", "param": "top_logprobs"},
    ],
)
def test_an_endpoint_without_log_probabilities_is_the_users_error(endpoint, tmp_path, error):
    at = endpoint(lambda body: Raw(400, json.dumps({"error": error})))
    calls = [({**question(str(i)), "logprobs": True}, "r") for i in range(3)]
    with pytest.raises(UserError, match="desk does not give logprobs .* logprobs: null in the"):
        ask_all(tmp_path, at, calls, max_in_flight=1)
    assert len(at.requests) == 1


@pytest.mark.parametrize(
    "said",
    [
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 "
        "`inputs` tokens and 512 `max_new_tokens`",
        "max_tokens must be at least 1, got -37.",
        "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
    ],
)
def test_a_text_that_is_too_long_blames_no_argument(endpoint, tmp_path: Path, said: str):
    """The first to be decided on is one that is refused at once."""
    replies = iter([Raw(422, json.dumps({"error": said})), "yes", "yes"])
    at = endpoint(lambda body: next(replies))
    calls = [({**question(str(i)), "max_tokens": 512}, "r") for i in range(3)]
    answers = ask_all(tmp_path, at, calls, max_in_flight=1)
    assert [answer.failure for answer in answers] == ["api_error", None, None]


def test_a_rejected_text_that_speaks_of_log_probabilities_is_only_rejected(endpoint, tmp_path):
    at = endpoint(lambda body: Raw(400, '{"error": {"message": "bad text: logprobs"}}'))
    assert ask_all(tmp_path, at, [(question("x"), "r")])[0].failure == "api_error"


@pytest.mark.parametrize(
    "reply",
    [
        Raw(400),
        Raw(500),
        HTML,
        Raw(200, "{not json"),
        Raw(200, '{"error": {"message": "upstream is down"}}'),
        Raw(200, '{"choices": []}'),
        Raw(200, '{"choices": [null]}'),
        Raw(200, '{"choices": {"a": 1}}'),
    ],
    ids=[
        *("400", "500", "html", "not json", "an error with status 200"),
        *("no choice", "a choice of nothing", "choices in a mapping"),
    ],
)
def test_what_is_no_answer_is_an_error_and_not_kept(endpoint, tmp_path: Path, reply: Raw):
    replies = iter([reply, reply, "yes"])
    at = endpoint(lambda body: next(replies))
    ask = [(question("x"), "r")]
    failed = [ask_all(tmp_path, at, ask, max_retries=0)[0] for _ in range(2)]
    assert [answer.failure for answer in failed] == ["api_error"] * 2
    assert all(answer.detail and not answer.text for answer in failed)
    assert ask_all(tmp_path, at, ask, max_retries=0)[0].text == "yes"


@pytest.mark.parametrize(
    "body",
    ["\ufeff{}", "\n\ufeff {}", "\ufeff\ufeff{}", "{}\x00\n", "{},}"],
    ids=["byte order mark", "in white space", "twice", "zero byte", "last comma"],
)
def test_what_stands_around_an_answer_loses_nothing_paid(endpoint, tmp_path: Path, body: str):
    said = completion('yes, "[1,]" \\ ,}')
    text = json.dumps(said)
    text = text[:-1] + ",}" if body.endswith(",}") else body.replace("{}", text)
    at = endpoint(lambda body: Raw(200, text))
    assert (
        ask_all(tmp_path, at, [(question("x"), "r")], max_retries=0)[0].text
        == (said["choices"][0]["message"]["content"])
    )
    assert len(at.requests) == 1


def test_an_endpoint_that_takes_too_long_is_an_error_and_not_lost(endpoint, tmp_path: Path):
    at = endpoint(lambda body: "late", delay=0.3)
    answer = ask_all(tmp_path, at, [(question("x"), "r")], timeout=0.05, max_retries=0)[0]
    assert answer.failure == "api_error"


def test_an_answer_that_never_stops_coming_is_ended(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(line, "SLACK", 0.1)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)

    async def run() -> Reply:
        server = await asyncio.start_server(drip, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        config = EndpointConfig(base_url=url, model="m", timeout=0.1, max_retries=0)
        with Journal(tmp_path / "journal.sqlite") as journal:
            async with asking("desk", config, LiveEndpoint(url, "m", "m", "key"), journal) as ask:
                return await ask(question("x"), "r")

    answer = asyncio.run(run())
    assert (answer.failure, answer.detail) == ("api_error", "no whole answer in time")


def test_half_a_character_in_an_answer_is_replaced(endpoint, tmp_path: Path):
    at = endpoint(lambda body: completion("cut \ud83d"))
    for _ in range(2):
        assert ask_all(tmp_path, at, [(question("x"), "r")])[0].text == "cut ?"


def test_each_does_all_and_keeps_so_many_at_work():
    open_now: list[int] = []
    most, done = [], []

    async def work(item: int) -> int:
        open_now.append(item)
        most.append(len(open_now))
        await asyncio.sleep(0.001)
        open_now.remove(item)
        return item * 2

    asyncio.run(
        run_concurrently(range(9), work, 4, lambda item, result: done.append((item, result)))
    )
    assert sorted(done) == [(item, item * 2) for item in range(9)] and max(most) == 4


def test_the_first_error_ends_the_others_and_is_raised_as_it_is():
    done: list[int] = []

    async def work(item: int) -> None:
        if item == 1:
            raise EndpointLost("gone")
        await asyncio.sleep(5)

    with pytest.raises(EndpointLost, match="gone"):
        asyncio.run(run_concurrently(range(9), work, 3, lambda item, result: done.append(item)))
    assert done == []


def test_ten_failures_in_a_row_end_the_stream(endpoint, tmp_path: Path):
    down = endpoint(lambda body: Raw(503, "{}", "application/json"))
    calls = [(question(str(i)), "r") for i in range(30)]
    with pytest.raises(EndpointLost, match=r"1\d calls in a row"):
        ask_all(tmp_path, down, calls, max_retries=0, max_in_flight=2, wait_for=0)
    assert len(down.requests) < 15


def test_failures_between_answers_do_not(endpoint, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(lane, "PROBES", (0.01, 0.02))

    def every_third(body: dict[str, Any]) -> Any:
        number = int(body["messages"][0]["content"])
        return Raw(503, "{}", "application/json") if number % 3 else "yes"

    calls = [(question(str(i)), "r") for i in range(30)]
    given = {"max_retries": 0, "max_in_flight": 1, "wait_for": 0.2}
    answers = ask_all(tmp_path, endpoint(every_third), calls, **given)
    assert [answer.failure for answer in answers] == [None, "api_error", "api_error"] * 10


def test_any_number_of_filtered_calls_does_not_mean_that_the_endpoint_is_down(endpoint, tmp_path):
    filtered = Raw(400, '{"error": {"message": "no", "code": "content_filter"}}')
    calls = [(question(str(i)), "r") for i in range(15)]
    answers = ask_all(tmp_path, endpoint(lambda body: filtered), calls, max_in_flight=1)
    assert [answer.failure for answer in answers] == ["content_filter"] * 15


def test_a_round_that_is_continued_is_not_lost_over_requests_rejected_before(endpoint, tmp_path):
    def every_eighth_is_too_long(body: dict[str, Any]) -> Any:
        return "yes" if int(body["messages"][0]["content"]) % 8 else Raw(400)

    at = endpoint(every_eighth_is_too_long)
    calls = [(question(str(i)), "r") for i in range(100)]
    first, second = (ask_all(tmp_path, at, calls, max_in_flight=1) for _ in range(2))
    assert [answer.failure for answer in first] == [answer.failure for answer in second]
    assert len(at.requests) == 100 + 13, "what was rejected is asked again, and nothing else"


def test_an_endpoint_that_rejects_everything_is_lost_each_time(endpoint, tmp_path: Path):
    at = endpoint(lambda body: Raw(400))
    calls = [(question(str(i)), "r") for i in range(40)]
    for _ in range(3):
        with pytest.raises(EndpointLost, match=r"1\d calls in a row"):
            ask_all(tmp_path, at, calls, max_in_flight=1)


def test_calls_that_are_open_when_the_stream_ends_are_kept(endpoint, tmp_path: Path):
    def script(body: dict[str, Any]) -> Any:
        if body["messages"][0]["content"] == "bad":
            return Raw(401)
        time.sleep(0.3)
        return "yes"

    at = endpoint(script)
    calls = [(question(str(i)), "r") for i in range(5)]
    with pytest.raises(EndpointLost):
        ask_all(tmp_path, at, [*calls, (question("bad"), "r")])
    before = len(at.requests)
    assert [answer.text for answer in ask_all(tmp_path, at, calls)] == ["yes"] * 5
    assert len(at.requests) == before, "a call that was open was paid for twice"


PARTS = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
    {"type": "text", "text": "[[A"},
    {"type": "text", "text": "]]"},
]


OUTPUT = [{"type": "output_text", "text": "[[A]]"}]


@pytest.mark.parametrize("content", [PARTS, OUTPUT, "[[A]]"])
@pytest.mark.parametrize(
    "finish", ["stop", "eos", "eos_token", "end_turn", "stop_sequence", "COMPLETE", "STOP"]
)
def test_an_end_by_the_model_and_a_text_in_parts_are_what_they_are(
    tmp_path, endpoint, content, finish
):
    said = completion(content, finish)
    said["choices"][0]["message"]["reasoning_content"] = "[[B]]"
    answer = ask_all(tmp_path, endpoint(lambda body: said), [(question("x"), "r")])[0]
    assert (answer.failure, answer.text, answer.finish_reason) == (None, "[[A]]", "stop")


@pytest.mark.parametrize("finish", [None, "abort", "max_tokens", "error", ""])
def test_a_reply_that_does_not_say_that_it_ended_is_no_answer(tmp_path, endpoint, finish):
    at = endpoint(lambda body: completion("[[A]]\nBut hold on, let me", finish))
    (answer,) = ask_all(tmp_path, at, [(question("x"), "r")])
    assert answer.failure == "truncated"


@pytest.mark.parametrize(
    "entry",
    [
        {"token": "A", "logprob": -0.1, "top_logprobs": 5},
        {"token": "A", "logprob": -0.1, "bytes": "A"},
        {"token": "A", "logprob": -0.1, "bytes": [300]},
    ],
)
def test_odd_log_probabilities_lose_no_answer(tmp_path, endpoint, entry):
    reply = completion("A")
    reply["choices"][0]["logprobs"] = {"content": [entry]}
    reply["usage"]["prompt_tokens"] = 3_000_000_000
    (answer,) = ask_all(tmp_path, endpoint(lambda body: reply), [(question("x"), "r")])
    assert (answer.text, answer.logprobs) == ("A", None)
    assert answer.prompt_tokens == 10, "the total and what was written tell it"
