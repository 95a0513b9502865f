"""Several servers of one endpoint: what one does not answer another does, and all are one model."""

import asyncio
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from asking_all import question
from scripted import Raw, Script, Scripted, scripted

from endpoints import attempts, lane
from endpoints.check import check_endpoint
from endpoints.client import asking
from endpoints.concurrency import run_concurrently
from endpoints.config import EndpointConfig
from endpoints.hosts import model_there
from endpoints.identity import identity
from endpoints.journal import Journal, request_key
from endpoints.reply import EndpointAway, EndpointLost, EndpointRefuses, Reply
from endpoints.serve import LiveEndpoint
from endpoints.servers import free_port
from rounds.errors import UserError

NOBODY = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "PROBES", (0.02, 0.1))
    monkeypatch.setattr(attempts, "RETRY_DELAY", 0.01)


@contextmanager
def servers(*scripts: Script, **given: Any) -> Iterator[list[Scripted]]:
    with ExitStack() as stack:
        yield [stack.enter_context(scripted(script, **given)) for script in scripts]


def listed(**card: Any) -> Raw:
    return Raw(200, json.dumps({"data": [{"id": "m", **card}]}))


def ask_several(
    path: Path,
    addresses: list[str],
    count: int,
    tally: Counter[str] | None = None,
    key: str = "key",
    **given: Any,
) -> list[Reply]:
    config = EndpointConfig(base_url=addresses, model="m", **given)

    async def run() -> list[Reply]:
        with Journal(path / "journal.sqlite") as journal:
            live = LiveEndpoint(addresses[0], "m", "m", key, others=tuple(addresses[1:]))
            async with asking("desk", config, live, journal, tally=tally) as ask:
                calls = (ask(question(str(i)), "r", 0, str(i // 8)) for i in range(count))
                return list(await asyncio.gather(*calls))

    return asyncio.run(run())


def urls(at: list[Scripted]) -> list[str]:
    return [one.base_url for one in at]


def yes(_: dict[str, Any]) -> str:
    return "yes"


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "prefloop"]


def test_calls_are_shared_out_and_a_prompts_go_to_one_server(tmp_path):
    """Forty prompts of eight calls, with room for all of a prompt's at one server."""
    with servers(yes, yes, yes, delay=0.02) as at:
        answers = ask_several(tmp_path, urls(at), 320, max_in_flight=48)
    assert {answer.text for answer in answers} == {"yes"}
    taken = [len(one.requests) for one in at]
    assert sum(taken) == 320 and min(taken) > 60, taken
    asked: dict[int, Counter[int]] = {}
    for number, one in enumerate(at):
        for request in one.requests:
            prompt = int(request["messages"][0]["content"]) // 8
            asked.setdefault(prompt, Counter())[number] += 1
    together = sum(max(where.values()) for where in asked.values())
    assert together > 0.7 * 320, "by chance it would be about half"
    assert all(one.most_open <= 48 for one in at)


def test_the_one_with_the_fewest_open_calls_is_asked(tmp_path):
    """A server ten times as slow takes fewer where not all are busy."""

    def slow(_: dict[str, Any]) -> str:
        time.sleep(0.2)
        return "yes"

    def fast(_: dict[str, Any]) -> str:
        time.sleep(0.02)
        return "yes"

    with servers(slow, fast) as at:
        config, other = EndpointConfig(base_url=urls(at), model="m"), at[1].base_url

        async def run() -> None:
            with Journal(tmp_path / "journal.sqlite") as journal:
                live = LiveEndpoint(at[0].base_url, "m", "m", "key", others=(other,))
                async with asking("desk", config, live, journal) as ask:
                    await run_concurrently(
                        range(60), lambda i: ask(question(str(i)), "r"), 4, lambda *_: None
                    )

        asyncio.run(run())
    assert len(at[0].requests) < 25
    assert max(one.most_open for one in at) <= 3


@pytest.mark.parametrize("max_retries", [0, 2])
def test_what_a_dying_server_had_open_is_answered_by_the_others(tmp_path, caplog, max_retries):
    """Its connections break in the middle of an answer, then it refuses new ones."""
    gone = threading.Event()

    def dies(_: dict[str, Any]) -> Any:
        if len(at[0].requests) < 12:
            return "yes"
        gone.set()
        return Raw(200, "{", headers={"Content-Length": "900"})

    with servers(dies, yes, delay=0.01) as at:
        answers = ask_several(tmp_path, urls(at), 120, max_in_flight=8, max_retries=max_retries)
    assert gone.is_set() and {answer.text for answer in answers} == {"yes"}
    assert any("is left out for now" in line for line in said(caplog))


def test_a_server_that_is_down_at_first_is_used_once_it_is_there(tmp_path, caplog):
    down = Raw(502, headers={"Retry-After-Ms": None})
    began = time.monotonic()

    def late(_: dict[str, Any]) -> str:
        return "yes"

    def fast(_: dict[str, Any]) -> str:
        if time.monotonic() - began > 0.3:
            at[0].models = ["m"]
        time.sleep(0.03)
        return "yes"

    with servers(late, fast) as at:
        at[0].models = down
        answers = ask_several(tmp_path, urls(at), 150, max_in_flight=4)
    assert {answer.text for answer in answers} == {"yes"}
    assert len(at[0].requests) > 5
    lines = said(caplog)
    assert "is left out for now (502" in lines[0] and "is there again" in lines[-1]


def test_a_server_that_lists_its_models_and_refuses_chats_is_not_there_again(tmp_path, caplog):
    refuses = Raw(401, '{"error": {"message": "bad key"}}')

    def fast(_: dict[str, Any]) -> str:
        time.sleep(0.03)
        return "yes"

    with servers(lambda _: refuses, fast) as at:
        answers = ask_several(tmp_path, urls(at), 150, max_in_flight=4)
    assert {answer.text for answer in answers} == {"yes"}
    assert len(at[0].requests) > 2, "it was tried again"
    assert not any("is there again" in line for line in said(caplog))


@pytest.mark.parametrize(
    ("key", "text"), [("anything", "Is there anything else?"), ("k" * 16, "Is there *** else?")]
)
def test_a_key_is_taken_out_of_an_answer_and_a_word_that_is_one_is_not(tmp_path, key, text):
    with scripted(lambda _: f"Is there {key} else?") as at:
        (answer,) = ask_several(tmp_path, [at.base_url], 1, key=key)
    assert answer.text == text


def test_a_call_that_fails_everywhere_is_given_up_after_its_retries_at_each(tmp_path):
    def script(body: dict[str, Any]) -> Any:
        return Raw(500) if body["messages"][0]["content"] == "7" else "yes"

    tally: Counter[str] = Counter()
    with servers(script, script, delay=0.005) as at:
        answers = ask_several(tmp_path, urls(at), 60, tally, max_in_flight=2, max_retries=2)
    failed = [answer for answer in answers if answer.failure]
    assert [answer.failure for answer in failed] == ["api_error"]
    tries = [r for one in at for r in one.requests if r["messages"][0]["content"] == "7"]
    assert 3 <= len(tries) <= 6


def test_one_that_says_429_sends_its_calls_to_another(tmp_path):
    busy = Raw(429, headers={"Retry-After-Ms": None, "Retry-After": "30"})
    with servers(lambda _: busy, yes, delay=0.005) as at:
        began = time.monotonic()
        answers = ask_several(tmp_path, urls(at), 40, max_in_flight=4)
    assert {answer.text for answer in answers} == {"yes"}
    assert len(at[1].requests) == 40
    assert time.monotonic() - began < 20, "nobody waited for what one server asks for"


def test_a_call_that_one_refuses_by_chance_does_not_wait_for_one_that_asks_to_wait(tmp_path):
    seen = Counter[str]()

    def by_chance(body: dict[str, Any]) -> str | Raw:
        text = body["messages"][0]["content"]
        seen[text] += 1
        unlucky = int(text) % 4 == 3 and seen[text] == 1
        return Raw(429, headers={"Retry-After-Ms": None}) if unlucky else "yes"

    busy = Raw(429, headers={"Retry-After-Ms": None, "Retry-After": "2"})
    with servers(by_chance, lambda _: busy) as at:
        answers = ask_several(tmp_path, urls(at), 12, max_in_flight=1)
    assert {answer.text for answer in answers} == {"yes"} and len(at[1].requests) == 1


def test_all_of_them_away_are_waited_for_and_then_the_endpoint_is_lost(tmp_path):
    ports = [f"http://127.0.0.1:{free_port()}/v1" for _ in range(2)]
    with pytest.raises(EndpointAway, match="nothing has answered there for"):
        ask_several(tmp_path, ports, 6, wait_for=0.3)
    with pytest.raises(EndpointLost, match="desk .*, http://127"):
        ask_several(tmp_path, ports, 6, wait_for=0)


def test_all_of_them_refusing_the_key_end_the_stage(tmp_path):
    with servers(yes, yes, models=Raw(401)) as at, pytest.raises(EndpointRefuses):
        ask_several(tmp_path, urls(at), 6)


@pytest.mark.parametrize(
    "other", [listed(max_model_len=512), listed(root="/b/other"), Raw(200, '{"data": []}')]
)
def test_a_server_that_comes_with_another_model_is_not_asked(tmp_path, caplog, other):
    with servers(yes, yes, delay=0.005) as at:
        at[0].models, at[1].models = listed(max_model_len=4096, root="/a/judge"), other
        answers = ask_several(tmp_path, urls(at), 40, max_in_flight=2)
    assert {answer.text for answer in answers} == {"yes"}
    assert sorted(len(one.requests) for one in at) == [0, 40], "whichever was heard first"
    assert "is left out for now" in said(caplog)[0]


def test_answers_are_kept_under_the_endpoint_whoever_gave_them(tmp_path):
    with servers(yes, yes) as at:
        ask_several(tmp_path, urls(at), 20, max_in_flight=2)
        asked = sum(len(one.requests) for one in at)
        with Journal(tmp_path / "journal.sqlite") as journal:
            for i in range(20):
                assert journal.get(request_key("desk", "m", question(str(i)), "r"))
        tally: Counter[str] = Counter()
        ask_several(tmp_path, [at[1].base_url, NOBODY], 20, tally)
        assert tally == {"from_journal": 20}
        assert sum(len(one.requests) for one in at) == asked == 20


def several(*addresses: str, **given: Any) -> EndpointConfig:
    return EndpointConfig(base_url=list(addresses), model="m", **given)


def test_a_list_is_the_same_judge_while_one_host_of_it_is(tmp_path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        a, b, c = (f"http://{name}/v1" for name in "abc")
        assert model_there(journal, "desk", several(a, b), "m") == "m"
        assert model_there(journal, "desk", several(c, b), "m") == "m"
        assert model_there(journal, "desk", several(a), "m") == "m"
        assert model_there(journal, "desk", several(c), "m") == "m@c"
    assert identity(several(a, b)) == identity(several(b, a))


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ([], "names no server"),
        (["http://a/v1", "http://b/v1", "http://a/v1/"], "names http://a/v1/ twice"),
    ],
)
def test_a_list_names_each_server_once(given, fault):
    with pytest.raises(ValueError, match=fault):
        EndpointConfig(base_url=given, model="m")


def test_a_list_of_one_is_that_one():
    assert several("http://a/v1") == EndpointConfig(base_url="http://a/v1", model="m")


def test_a_server_of_another_model_is_refused_and_both_are_named():
    with servers(yes, yes) as at:
        at[0].models, at[1].models = listed(max_model_len=4096), listed(max_model_len=512)
        with pytest.raises(UserError, match="max_model_len 512 instead of 4096") as raised:
            check_endpoint("desk", several(*urls(at)), "key")
        assert all(one.base_url in str(raised.value) for one in at)
        at[1].models = ["other"]
        with pytest.raises(UserError, match=f"m is not among the models at {at[1].base_url}"):
            check_endpoint("desk", several(*urls(at)), "key")
        at[0].models, at[1].models = listed(root="/a/judge"), listed(root="/b/judge/")
        assert check_endpoint("desk", several(*urls(at)), "key") is None


def test_a_server_that_is_down_at_the_start_is_only_said():
    with servers(yes) as at:
        warned = check_endpoint("desk", several(NOBODY, at[0].base_url), "key")
    assert warned and f"nothing answers at {NOBODY}" in warned
    with pytest.raises(UserError, match=f"nothing answers at {NOBODY}, http://127"):
        check_endpoint("desk", several(NOBODY, f"http://127.0.0.1:{free_port()}/v1"), "key")


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "prefloop")
