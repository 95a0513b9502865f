"""What a stage may spend: calls, tokens, money; and when a prompt may begin to spend it.

A budget is shared by all the endpoints that a stage asks.
"""

import asyncio
from contextvars import ContextVar

from endpoints.reply import Reply
from rounds.usage import NEVER_SENT

_reservation: ContextVar[list[int] | None] = ContextVar("reservation", default=None)
"""What is left of the reservation of the prompt at work in this task and in those it starts."""


class Budget:
    """Limits of one stage run; None is no limit.

    A reply from the journal counts as one that is paid now does: a round that is continued
    stops where it would have stopped. `in_flight` is kept by who sends the calls; `refused` is
    the limit that `reserve` last said no for.
    """

    def __init__(self, calls: int | None, tokens: int | None, cost: float | None) -> None:
        self._limits = {"calls": calls, "tokens": tokens, "cost": cost}
        self._spent = {"calls": 0.0, "tokens": 0.0, "cost": 0.0}
        self._counted: set[str] = set()
        self._reserved = 0
        self.in_flight = 0
        self.refused: str | None = None

    @property
    def exhausted(self) -> str | None:
        """The limit that leaves no room for one more call: calls, tokens or cost."""
        for name, limit in self._limits.items():
            if (
                limit is not None
                and self._spent[name] + self._likely(name, self.in_flight) >= limit
            ):
                return name
        return None

    @property
    def measured(self) -> bool:
        """Whether it is known what a call takes of every limit."""
        by_mean = [self._limits["tokens"], self._limits["cost"]]
        return self._spent["calls"] > 0 or by_mean == [None, None]

    def spend(self, reply: Reply) -> None:
        """Count a reply; the same call a second time, or one that was never sent, is free."""
        if reply.key in self._counted or reply.failure in NEVER_SENT:
            return
        self._counted.add(reply.key)
        self._spent["calls"] += 1
        self._spent["tokens"] += reply.prompt_tokens + reply.completion_tokens
        self._spent["cost"] += reply.cost
        left = _reservation.get()
        if left is not None and left[0] > 0:
            left[0] -= 1
            self._reserved -= 1

    def reserve(self, most_calls: int) -> bool:
        """Whether a prompt that may need so many calls may start; if so they are reserved for it.

        Calls are reserved exactly, tokens and cost as so many times the mean call so far. What
        the task that began the prompt, and tasks it starts, spends comes out of the reservation.
        """
        others = max(self._reserved, self.in_flight)
        for name, limit in self._limits.items():
            if limit is None:
                continue
            likely = self._spent[name] + self._likely(name, others + most_calls)
            if self._spent[name] >= limit or likely > limit:
                self.refused = name
                return False
        self._reserved += most_calls
        _reservation.set([most_calls])
        return True

    def release(self, most_calls: int) -> None:
        """Give back what is left of the reservation; called in the task that began it."""
        left = _reservation.get()
        self._reserved -= min(left[0] if left else 0, most_calls)
        _reservation.set(None)

    def _likely(self, name: str, calls: int) -> float:
        """What so many more calls will take of a limit."""
        if name == "calls":
            return calls
        return calls * self._spent[name] / max(self._spent["calls"], 1)


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
