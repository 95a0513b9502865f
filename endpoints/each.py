"""Many pieces of work at once, with no barrier between them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from rounds.stages import Progress
from rounds.tables import Row

Item = TypeVar("Item")
Result = TypeVar("Result")


async def each(
    items: Iterable[Item],
    work: Callable[[Item], Awaitable[Result]],
    workers: int,
    on_done: Callable[[Item, Result], None],
) -> None:
    """Do `work` for every item, `workers` at a time, with no barrier between items.

    The first error ends the others and is raised as it is.
    """
    queue = iter(items)

    async def worker() -> None:
        for item in queue:
            on_done(item, await work(item))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(worker())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


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
