"""An endpoint that is away is waited for: as long as its config says, counting, and in one way."""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from asking_all import ask_all, question
from scripted import Raw, Scripted, completion, scripted

from endpoints import attempts, lane, waits
from endpoints.check import check_endpoint
from endpoints.client import asking
from endpoints.config import EndpointConfig
from endpoints.faults import AWAY
from endpoints.journal import Journal
from endpoints.reply import EndpointAway, EndpointLost, Reply
from endpoints.serve import LiveEndpoint
from endpoints.servers import free_port
from rounds.errors import Stopped, UserError

NOW: dict[str, str | None] = {"Retry-After-Ms": None}
GATEWAY = [Raw(status, headers=NOW) for status in (502, 503, 504, 522)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "PROBES", (0.02, 0.1))
    monkeypatch.setattr(attempts, "RETRY_DELAY", 0.01)
    monkeypatch.setattr(waits, "EACH", 0.1)


def calls(count: int) -> list[tuple[dict[str, Any], str]]:
    return [(question(str(i)), "r") for i in range(count)]


@pytest.mark.parametrize("gone", GATEWAY, ids=lambda raw: str(raw.status))
def test_a_gateway_that_finds_no_server_is_asked_until_it_does(endpoint, tmp_path, gone, caplog):
    """Ten times as often as a call is tried again."""
    caplog.set_level(logging.INFO, "prefloop.counting")
    at = endpoint(lambda body: gone if len(at.requests) <= 20 else "yes")
    answers = ask_all(tmp_path, at, calls(30), max_retries=2, max_in_flight=8)
    assert {answer.text for answer in answers} == {"yes"}
    said = [record.getMessage() for record in caplog.records if record.name == "prefloop"]
    assert len(said) == 2 and said[0].startswith("endpoint desk is away and waited for until ")
    assert said[1].startswith("endpoint desk is there again after ")
    counted = [record.getMessage() for record in caplog.records if record.name != "prefloop"]
    assert len(counted) >= 2 and counted[0].startswith("desk away for 0 s, waited for until ")


def test_a_server_that_is_not_up_yet_is_waited_for(tmp_path: Path):
    """Refused connections, while nothing listens at the port."""
    port, replies = free_port(), []
    at = Scripted(lambda body: "", ["m"], 0)
    at.base_url = f"http://127.0.0.1:{port}/v1"

    def starts() -> None:
        time.sleep(0.5)
        with socket.create_server(("127.0.0.1", port)) as held, scripted(lambda b: "yes") as real:
            real_port = int(real.base_url.split(":")[2].split("/")[0])
            held.settimeout(3)
            while not replies:
                try:
                    relay(held.accept()[0], real_port)
                except TimeoutError:
                    return

    thread = threading.Thread(target=starts)
    thread.start()
    replies += ask_all(tmp_path, at, calls(3), max_retries=0, max_in_flight=1)
    thread.join()
    assert [reply.text for reply in replies] == ["yes"] * 3


def relay(client: socket.socket, port: int) -> None:
    """Hand one connection on to the server at a port, both ways."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass

    server = socket.create_connection(("127.0.0.1", port))
    for pair in ((client, server), (server, client)):
        threading.Thread(target=pump, args=pair, daemon=True).start()


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://127.0.0.1:9/v1", "Connect call failed"),
        ("http://judge.invalid/v1", "judge.invalid"),
    ],
    ids=["refused", "no such name"],
)
def test_one_that_stays_away_is_lost_when_the_time_is_over(tmp_path: Path, address: str, why: str):
    at = Scripted(lambda body: "", ["m"], 0)
    at.base_url = address
    started = time.monotonic()
    with pytest.raises(EndpointAway, match=why) as raised:
        ask_all(tmp_path, at, calls(20), wait_for=0.5)
    assert 0.5 <= time.monotonic() - started < 60
    assert "wait_for is 0.5 s" in str(raised.value) and isinstance(raised.value, Stopped)


def test_one_that_is_away_is_asked_now_and_then_by_one_call_at_a_time(endpoint, tmp_path: Path):
    at = endpoint(lambda body: Raw(503, headers=NOW), delay=0.01)
    with pytest.raises(EndpointAway):
        ask_all(tmp_path, at, calls(50), wait_for=1, max_in_flight=16)
    assert at.most_open <= 16 and len(at.requests) < 16 + 1 / 0.1 + 10


def test_a_question_that_alone_finds_nobody_is_given_up_as_before(endpoint, tmp_path: Path):
    """Its retries count, and the others are answered: nothing waits for half an hour."""

    def script(body: dict[str, Any]) -> Any:
        return Raw(502, headers=NOW) if body["messages"][0]["content"] == "0" else "yes"

    at = endpoint(script)
    answers = ask_all(tmp_path, at, calls(12), max_retries=2, max_in_flight=1)
    assert [answer.failure for answer in answers] == ["api_error", *[None] * 11]
    assert sum(body["messages"][0]["content"] == "0" for body in at.requests) == 1 + 1 + 2


@pytest.mark.parametrize("failed_before", [500, 429])
def test_a_call_that_has_failed_before_waits_for_a_server_that_ends_as_the_others_do(
    tmp_path: Path, failed_before: int, monkeypatch: pytest.MonkeyPatch
):
    """Others were answered since that failure, and nobody since the server has ended."""
    monkeypatch.setattr(attempts, "RETRY_DELAY", 0.8)  # it is tried again while nobody is there
    port, seen = free_port(), list[str]()
    url = f"http://127.0.0.1:{port}/v1"

    async def chat(request: web.Request) -> web.Response:
        seen.append((await request.json())["messages"][0]["content"])
        unlucky = seen[-1] == "unlucky" and seen.count("unlucky") == 1
        return web.json_response(completion("yes"), status=failed_before if unlucky else 200)

    async def serving() -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", chat)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return runner

    async def run(journal: Journal) -> Reply:
        runner, live = await serving(), LiveEndpoint(url, "m", "m", "key")
        config = EndpointConfig(base_url=url, model="m", max_retries=3)
        async with asking("desk", config, live, journal) as ask:
            unlucky = asyncio.ensure_future(ask(question("unlucky"), "r"))
            while not seen:
                await asyncio.sleep(0.01)
            await ask(question("another"), "r")
            await runner.cleanup()
            await asyncio.sleep(1)
            runner = await serving()
            reply = await unlucky
        await runner.cleanup()
        return reply

    with Journal(tmp_path / "journal.sqlite") as journal:
        assert asyncio.run(run(journal)).text == "yes"


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_one_that_says_something_is_there(endpoint, tmp_path: Path, status: int):
    """What it says keeps its meaning, however long it may be away."""
    at = endpoint(lambda body: Raw(status, headers=NOW))
    started = time.monotonic()
    with pytest.raises(EndpointLost) as raised:
        ask_all(tmp_path, at, calls(30), max_retries=0, timeout=0.5, max_in_flight=4)
    assert not isinstance(raised.value, EndpointAway) and time.monotonic() - started < 5


def test_a_wait_that_it_asks_for_beyond_the_limit_ends_the_stage(endpoint, tmp_path: Path):
    at = endpoint(lambda body: Raw(503, headers={"Retry-After": "900", **NOW}))
    with pytest.raises(EndpointLost, match="max_retry_after"):
        ask_all(tmp_path, at, calls(3))


def test_the_statuses_of_a_server_that_is_there_are_none_of_those():
    assert not {400, 401, 403, 404, 408, 429, 500, 501} & set(AWAY)


def test_before_a_run_only_one_that_has_answered_there_may_be_away(tmp_path: Path):
    config = EndpointConfig(base_url="http://127.0.0.1:9/v1", model="m")
    with pytest.raises(UserError, match="nothing answers at http://127.0.0.1:9/v1"):
        check_endpoint("desk", config, "key")
    said = check_endpoint("desk", config, "key", has_answered=True)
    assert said is not None and "waits up to 30 min 0 s (endpoints.desk.wait_for)" in said


def test_what_only_counts_stands_beside_the_stage_at_work(capsys: pytest.CaptureFixture[str]):
    from flows.display import Display

    reported: list[Callable[..., None]] = []
    with Display() as display:
        shown = display.stage("judge")
        shown(3, 12)
        display._lines = lambda name: lambda *given: reported.append(given)
        shown = display.stage("judge")
        shown(3, 12)
        waits.COUNTING.info("desk away for %s", "4 s")
    assert reported[-1] == (3, 12, "desk away for 4 s")
    assert "warning" not in capsys.readouterr().err
