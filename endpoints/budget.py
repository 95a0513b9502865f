"""What a stage may spend: calls, tokens, money.

A budget is shared by all the endpoints that a stage asks.
"""

import asyncio
from contextvars import ContextVar
from typing import NamedTuple

from endpoints.reply import Reply
from rounds.usage import NEVER_SENT

_reservation: ContextVar[list[int] | None] = ContextVar("reservation", default=None)
"""What is left of the reservation of the prompt at work in this task and in those it starts."""

EXACT = 1 - 1e-9
"""Many prices added up are a little more than their sum."""


class Amounts(NamedTuple):
    """What a call may take at most, before any is known: tokens, and money."""

    tokens: float = 0.0
    cost: float = 0.0


class Budget:
    """Limits of one stage run; None is no limit.

    A reply from the journal counts as one that is paid now does: a round that is continued
    stops where it would have stopped. A call is let through while there is room for it beside
    those under way, each taken for the mean of those paid, and for the most it may take as long as
    none is. `refused` is the limit that was last said no for. `estimates`: whether what an endpoint
    does not report is estimated.
    """

    def __init__(
        self,
        calls: int | None,
        tokens: int | None,
        cost: float | None,
        estimates: bool = False,
    ) -> None:
        self._limits = {"calls": calls, "tokens": tokens, "cost": cost}
        self._limited = {calls, tokens, cost} != {None}
        self._spent = {"calls": 0.0, "tokens": 0.0, "cost": 0.0}
        self._paid = self._reserved = self.in_flight = 0
        self._most = {"tokens": 0.0, "cost": 0.0}
        self._counted: set[int] = set()  # 64 bits of each key: a round has millions
        self._turn, self._changed = asyncio.Lock(), asyncio.Event()
        self._wants_usage = not estimates and (tokens is not None or cost is not None)
        self.refused: str | None = None

    @property
    def exhausted(self) -> str | None:
        """The limit that leaves no room for one more call: calls, tokens or cost."""
        return self._no_room(Amounts())

    @property
    def measured(self) -> bool:
        """Whether it is known what a call takes of every limit."""
        by_mean = [self._limits["tokens"], self._limits["cost"]]
        return self._paid > 0 or by_mean == [None, None]

    async def admit(self, most: Amounts) -> str | None:
        """Let a call begin, which `ended` then ends; or the limit that leaves no room for it, once
        nothing that is under way could change that.
        """
        async with self._turn:  # first come, first served
            while (limit := self._no_room(most)) is not None:
                if limit == "calls" or not self.in_flight:
                    self.refused = limit
                    return limit
                self._changed.clear()
                await self._changed.wait()
            self.in_flight += 1
            self._count_most(most, 1)
            return None

    def ended(self, most: Amounts) -> None:
        """A call that was let through is no longer under way."""
        self.in_flight -= 1
        self._count_most(most, -1)
        self._changed.set()

    @property
    def wants_usage(self) -> bool:
        """Whether limits of tokens or money are to be kept by what endpoints report alone."""
        return self._wants_usage

    def spend(self, reply: Reply) -> None:
        """Count a reply; the same call a second time, or one that was never sent, is free."""
        if not self._limited or reply.failure in NEVER_SENT or hash(reply.key) in self._counted:
            return
        self._counted.add(hash(reply.key))
        self._spent["calls"] += 1
        self._spent["tokens"] += reply.prompt_tokens + reply.completion_tokens
        self._spent["cost"] += reply.cost
        self._paid += reply.prompt_tokens + reply.completion_tokens > 0
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
            if self._spent[name] >= limit or likely * EXACT > limit:
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

    def _no_room(self, most: Amounts) -> str | None:
        next_one = {"calls": 1.0, **most._asdict()}
        for name, limit in self._limits.items():
            if limit is None:
                continue
            spent = self._spent[name]
            if name == "calls" or self._paid:
                likely = self._likely(name, self.in_flight + 1)
            elif self.in_flight:
                likely = self._most[name] + next_one[name]
            else:
                likely = 0.0  # one has to show what a call takes
            if spent >= limit or (spent + likely) * EXACT > limit:
                return name
        return None

    def _likely(self, name: str, calls: int) -> float:
        """What so many more calls will take of a limit."""
        if name == "calls":
            return calls
        return calls * self._spent[name] / max(self._paid, 1)

    def _count_most(self, most: Amounts, sign: int) -> None:
        for name, amount in most._asdict().items():
            self._most[name] += sign * amount
