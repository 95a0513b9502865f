"""Replies that arrive together are committed at once, and before any of them is used."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from scripted import completion

from endpoints.journal import Journal
from endpoints.together import Together


def committed(path: Path) -> int:
    """What another connection sees: an answer that a kill would leave."""
    with closing(sqlite3.connect(path)) as other:
        (count,) = other.execute("SELECT count(*) FROM answers").fetchone()
    return int(count)


def row(key: str) -> tuple[Any, ...]:
    return (key, "desk", "m", {"messages": []}, completion("yes"), 0.5)


def test_a_reply_is_committed_when_its_call_goes_on(tmp_path):
    path, begun = tmp_path / "journal.sqlite", []

    async def run() -> list[int]:
        with Journal(path) as journal:
            together = Together(journal)

            async def one(number: int) -> int:
                await together.put(*row(f"k{number}"))
                return committed(path)

            journal.db.set_trace_callback(begun.append)
            return await asyncio.gather(*map(one, range(20)))

    assert asyncio.run(run()) == [20] * 20
    assert sum(one.startswith("COMMIT") for one in begun) == 1


def test_each_of_them_learns_that_nothing_was_written(tmp_path):
    async def run() -> list[Any]:
        with Journal(tmp_path / "journal.sqlite") as journal:
            together = Together(journal)
            bad = (*row("b")[:4], {"unwritable": object()}, 0.5)
            calls = [together.put(*one) for one in (row("a"), bad)]
            came = await asyncio.gather(*calls, return_exceptions=True)
            await together.put(*row("c"))
            assert journal.get("a") is None
            assert journal.get("c") is not None
            return came

    for came in asyncio.run(run()):
        assert isinstance(came, TypeError)


def test_one_that_no_longer_waits_takes_nothing_from_the_others(tmp_path):
    async def run() -> int:
        with Journal(tmp_path / "journal.sqlite") as journal:
            together = Together(journal)
            waiting = [asyncio.ensure_future(together.put(*row(key))) for key in "ab"]
            await asyncio.sleep(0)
            waiting[0].cancel()
            await waiting[1]
            return committed(tmp_path / "journal.sqlite")

    assert asyncio.run(run()) == 2


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("ERROR")
