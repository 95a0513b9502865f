"""Calls at once where a process may have few files open."""

import resource

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


def test_the_soft_limit_is_raised_as_far_as_is_needed(limits, caplog):
    assert calls_at_once("desk", 100) == 100
    assert limits[-1] == (10 + 100 + RESERVED, 256) and not caplog.records


def test_where_the_hard_one_is_too_low_there_are_fewer_calls_which_is_said_once(limits, caplog):
    room = 256 - 10 - RESERVED
    assert calls_at_once("desk", 512) == calls_at_once("desk", 512) == room
    assert limits[-1] == (256, 256)
    (said,) = caplog.messages
    assert f"endpoint desk: {room} calls at once instead of 512" in said
    assert f"`ulimit -n {10 + 512 + RESERVED}`" in said
