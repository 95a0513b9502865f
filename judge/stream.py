"""Questions few enough for their rows to be held: the gold set, tests, held-out answers."""

from collections.abc import Awaitable, Callable
from typing import Any

from endpoints.client import each
from rounds.progress import Progress
from rounds.tables import Row

PROMPTS_AT_ONCE = 512
"""Prompts whose calls may be under way together; the endpoints bound the calls themselves."""


async def stream(
    items: list[Any], work: Callable[[Any], Awaitable[list[Row]]], progress: Progress
) -> list[list[Row]]:
    """Do all of the work with no barrier between items; results in the order of the items."""
    results: dict[int, list[Row]] = {}

    def done(item: tuple[int, Any], rows: list[Row]) -> None:
        results[item[0]] = rows
        progress(len(results), len(items))

    await each(enumerate(items), lambda item: work(item[1]), PROMPTS_AT_ONCE, done)
    return [results[index] for index in range(len(items))]
