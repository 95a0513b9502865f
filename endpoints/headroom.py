"""When a prompt may begin to spend a budget."""

import asyncio

from endpoints.budget import Budget


class Headroom:
    """Lets prompts begin while the budget has room for all that they may need.

    Where it has none, a prompt waits for those under way: they may need less than they may. The
    first one goes alone where tokens or money are limited, for nothing is known yet of a call.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._freed = asyncio.Condition()
        self._under_way = 0

    async def enter(self, calls: int) -> bool:
        """Whether the prompt may begin; False once nothing that is under way could change that."""
        async with self._freed:
            while True:
                alone = not self._under_way
                if (alone or self._budget.measured) and self._budget.reserve(calls):
                    self._under_way += 1
                    return True
                if alone:
                    return False
                await self._freed.wait()

    async def leave(self, calls: int) -> None:
        """Give back what was set aside."""
        async with self._freed:
            self._budget.release(calls)
            self._under_way -= 1
            self._freed.notify_all()
