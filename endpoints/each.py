"""Many pieces of work at once, with no barrier between them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

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
