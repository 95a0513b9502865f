"""Many pieces of work at once, with no barrier between them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from rounds.stages import Progress

PROMPTS_AT_ONCE = 512
"""Prompts whose calls may be under way together; the endpoints bound the calls themselves."""

LOOK_EVERY = 0.5
"""Seconds between two looks for items that are still coming."""

Item = TypeVar("Item")
Result = TypeVar("Result")


async def run_concurrently(
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


async def run_as_they_come(
    arrived: Callable[[], Iterable[Item]],
    work: Callable[[Item], Awaitable[Result]],
    workers: int,
    on_done: Callable[[Item, Result], None],
) -> None:
    """`run_concurrently` for items that are still coming: `arrived` gives those that have come
    since it was called last. It goes on until it is cancelled.
    """
    room = asyncio.Semaphore(workers)

    async def one(item: Item) -> None:
        try:
            on_done(item, await work(item))
        finally:
            room.release()

    try:
        async with asyncio.TaskGroup() as group:
            while True:
                for item in arrived():
                    await room.acquire()
                    group.create_task(one(item))
                await asyncio.sleep(LOOK_EVERY)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def map_concurrently(
    items: Sequence[Item], work: Callable[[Item], Awaitable[Result]], progress: Progress
) -> list[Result]:
    """Do `work` for every item, PROMPTS_AT_ONCE at a time; results in the order of the items."""
    results: dict[int, Result] = {}

    def done(item: tuple[int, Item], result: Result) -> None:
        results[item[0]] = result
        progress(len(results), len(items))

    await run_concurrently(enumerate(items), lambda item: work(item[1]), PROMPTS_AT_ONCE, done)
    return [results[index] for index in range(len(items))]
