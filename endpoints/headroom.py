"""When a prompt may begin to spend a budget."""

import asyncio
from collections import deque

from endpoints.budget import Budget


class Headroom:
    """Lets prompts begin, first come, first served, while the budget has room for all that they may
    need.

    Where it has none, a prompt waits for those under way: they may need less than they may. The
    first one goes alone where tokens or money are limited, for nothing is known yet of a call.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._freed = asyncio.Condition()
        self._under_way = 0
        self._waiting: deque[object] = deque()

    async def enter(self, calls: int) -> bool:
        """Whether the prompt may begin; False once nothing that is under way could change that."""
        async with self._freed:
            me = object()
            self._waiting.append(me)
            try:
                while True:
                    # none overtakes: what is asked ahead is what is asked later, in the same order
                    alone = not self._under_way
                    if self._waiting[0] is me:
                        if (alone or self._budget.measured) and self._budget.reserve(calls):
                            self._under_way += 1
                            return True
                        if alone:
                            return False
                    await self._freed.wait()
            finally:
                self._waiting.remove(me)
                self._freed.notify_all()

    async def leave(self, calls: int) -> None:
        """Give back what was set aside."""
        async with self._freed:
            self._budget.release(calls)
            self._under_way -= 1
            self._freed.notify_all()
