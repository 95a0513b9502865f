"""Calls at once where a process may have few files open."""

import asyncio
import resource
from contextlib import AsyncExitStack

import pytest

import endpoints.descriptors
from endpoints.descriptors import RESERVED, calls_at_once


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The soft and hard limit, and those that were set; 10 descriptors are taken."""
    held = [(64, 256)]
    monkeypatch.setattr(endpoints.descriptors, "_SAID", set())
    monkeypatch.setattr(endpoints.descriptors.os, "listdir", lambda _: ["0"] * 10)
    monkeypatch.setattr(resource, "getrlimit", lambda _: held[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, given: held.append(given))
    return held


def rooms(*wanted: int) -> list[int]:
    """The calls of streams that are open together."""

    async def opened() -> list[int]:
        async with AsyncExitStack() as stack:
            streams = [calls_at_once("desk", calls) for calls in wanted]
            return [await stack.enter_async_context(stream) for stream in streams]

    return asyncio.run(opened())


def test_the_soft_limit_is_raised_as_far_as_is_needed(limits, caplog):
    assert rooms(100) == [100]
    assert limits[-1] == (10 + 100 + RESERVED, 256) and not caplog.records


def test_streams_that_are_open_together_share_what_there_is(limits, caplog):
    """Whether their calls are sent yet or not; what has ended gives it back."""
    assert rooms(60, 60, 60) == [60, 60, 256 - 10 - RESERVED - 120]
    assert limits[-1] == (256, 256) and len(caplog.messages) == 1
    assert rooms(140) == [140]


def test_where_the_hard_one_is_too_low_there_are_fewer_calls_which_is_said_once(limits, caplog):
    room = 256 - 10 - RESERVED
    assert rooms(512) == rooms(512) == [room]
    assert limits[-1] == (256, 256)
    (said,) = caplog.messages
    assert f"endpoint desk: {room} calls at once instead of 512" in said
    assert f"`ulimit -n {10 + 512 + RESERVED}`" in said
