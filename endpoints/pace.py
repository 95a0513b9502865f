"""How fast an endpoint is asked: calls open at once, requests and tokens a minute, pauses."""

import asyncio
import random
from collections import deque
from collections.abc import Collection
from functools import partial
from typing import Any, NamedTuple

from endpoints.config import EndpointConfig
from endpoints.lane import Lane
from endpoints.places import Place

LONGEST_DELAY = 30.0
NEAR = 8
"""Calls more than at the server with the fewest that may be open where a prompt's others went."""
REMEMBERED_NEAR = 4096
"""Prompts whose server is remembered."""


class _Ticket(NamedTuple):
    future: "asyncio.Future[Place]"
    tokens: int
    near: str
    tried: frozenset[int]


class Pace:
    """Lets an endpoint's calls through, first come, first served; retried ones before new ones.

    Each goes to the server with the fewest open calls, or to the one where those before it with
    the same `near` went, which has read their beginning. While it is in doubt whether the endpoint
    answers at all, one is sent at a time; while a server is away, now and then one.
    """

    def __init__(self, config: EndpointConfig, servers: int = 1) -> None:
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self.lanes = [Lane(number, config, now, servers == 1) for number in range(servers)]
        self.answers = self.refusals = 0
        self.doubted_since: float | None = None
        self._waiting: deque[_Ticket] = deque()
        self._found_nobody: deque[_Ticket] = deque()
        self._moved: list[_Ticket] = []
        self._near: dict[str, int] = {}
        self.counts_tokens = config.tpm is not None
        self._written, self._written_by = 0, 0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = asyncio.Event()
        self._end: Exception | None = None
        self.began = self.last_answer = now

    def estimate_tokens(self, body: dict[str, Any]) -> int:
        """Tokens that a call will use: its messages' length and the mean answer so far."""
        if not self.counts_tokens:
            return 0
        characters = sum(len(str(message.get("content"))) for message in body["messages"])
        return characters // 4 + self._written // max(self._written_by, 1)

    @property
    def has_answered(self) -> bool:
        """Whether it ever did."""
        return self.answers > 0

    @property
    def open(self) -> int:
        """Calls that are open."""
        return sum(lane.open for lane in self.lanes)

    @property
    def all_away(self) -> bool:
        """Whether no server is there."""
        return all(lane.away_since is not None for lane in self.lanes)

    def others(self, tried: Collection[int]) -> bool:
        """Whether a server is there, and has not said to wait, that is none of those `tried`."""
        now = self._loop.time()
        return any(lane.may_be_asked(now) and lane.number not in tried for lane in self.lanes)

    async def enter(
        self,
        tokens: int,
        again: bool,
        found_nobody: bool = False,
        near: str = "",
        tried: Collection[int] = (),
    ) -> Place:
        """Wait for a place; one that `found_nobody` goes after the others while that may be its own
        fault, and first once somebody is there; one that failed at the servers `tried` goes first,
        and to another. Raises what the pace is closed with, at once.
        """
        if self._end is not None:
            raise self._end
        ticket = _Ticket(self._loop.create_future(), tokens, near, frozenset(tried))
        if tried:
            self._moved.append(ticket)
        elif found_nobody and self.all_away:
            self._found_nobody.append(ticket)
        else:
            (self._waiting.appendleft if again else self._waiting.append)(ticket)
        self._admit()
        try:
            place = await ticket.future
        except asyncio.CancelledError:
            if not ticket.future.cancelled():  # the place was given in the same moment
                self.leave(ticket.future.result())
            raise
        if self._end is not None:
            self.leave(place)
            raise self._end
        return place

    def leave(self, place: Place) -> None:
        """Give the place back."""
        self.lanes[place.lane].leave(place)
        self._admit()

    def doubt(self, doubted: bool) -> None:
        """Whether so many calls failed that one at a time is sent, until one is answered."""
        if not doubted:
            self.doubted_since = None
            self._admit()
        elif self.doubted_since is None:
            self.doubted_since = self._loop.time()

    def away(self, wait_for: float, number: int = 0) -> float:
        """A call found nobody at a server; for how many seconds that has been so at all of them.

        The next one is sent after a while, but not later than `wait_for` seconds from the first.
        """
        now, lane = self._loop.time(), self.lanes[number]
        lane.away_since = now if lane.away_since is None else lane.away_since
        since = [one.away_since for one in self.lanes if one.away_since is not None]
        seconds = now - max(since) if len(since) == len(self.lanes) else 0.0
        lane.away(now, max(0.0, wait_for - seconds) if self.all_away else float("inf"))
        self._move_back()
        return seconds

    def pause(self, number: int, seconds: float) -> None:
        """Send a server nothing for so many seconds."""
        self.lanes[number].pause(self._loop.time() + seconds)
        self._move_back()

    def there(self, number: int = 0) -> bool:
        """Something came of a call: the server is not away; whether it was until now."""
        lane = self.lanes[number]
        was_away, was_proven, lane.proven = lane.there(), lane.proven, True
        if was_away:
            self._waiting.extendleft(reversed(self._found_nobody))
            self._found_nobody.clear()
        if was_away or not was_proven:
            self._admit()
        return was_away

    def answered(self, place: Place, estimated: int, read: int, written: int) -> None:
        """The call of a place was answered with so many tokens."""
        self.last_answer = now = self._loop.time()
        self.doubted_since = None
        self.answers += 1
        used = 0
        if self.counts_tokens:
            self._written, self._written_by = self._written + written, self._written_by + 1
            used = read + written - estimated
        self.lanes[place.lane].answered(place, now, used)

    def refused(self, place: Place, told: float | None) -> bool:
        """The call of a place met a 429, and was `told` to wait; whether its server is paused."""
        self.refusals += 1
        lane = self.lanes[place.lane]
        paused = lane.refused(
            place,
            self._loop.time(),
            told,
            lambda seconds: self._loop.call_later(seconds, partial(self._rested, lane)),
        )
        if paused:
            self._move_back()
        return paused

    async def back_off(self, tries: int, first: float, told: float = 0.0) -> None:
        """Wait before a call's next try: what the endpoint `told` us to, and `first` seconds,
        doubled with each try, less up to half."""
        doubled = min(LONGEST_DELAY, first * 2 ** min(tries - 1, 20))
        seconds = told + doubled * random.uniform(0.5, 1)
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except TimeoutError:
            pass

    def close(self, error: Exception) -> None:
        """Nothing more is sent: whoever waits gets the first such error, now."""
        self._end = self._end or error
        self._closed.set()
        if self._timer is not None:
            self._timer.cancel()
        for ticket in (*self._moved, *self._waiting, *self._found_nobody):
            if not ticket.future.done():
                ticket.future.set_exception(self._end)
        self._moved.clear()
        self._waiting.clear()
        self._found_nobody.clear()

    def _move_back(self) -> None:
        """Calls that were to go to another server, of which none is left for them, go to any."""
        for ticket in [one for one in self._moved if not self.others(one.tried)]:
            self._moved.remove(ticket)
            self._waiting.appendleft(ticket._replace(tried=frozenset()))
        self._admit()

    def _rested(self, lane: Lane) -> None:
        lane.rested()
        self._admit()

    def _admit(self) -> None:
        if self._moved:
            self._moved = [ticket for ticket in self._moved if not self._let_through(ticket)]
        while tickets := self._waiting or self._found_nobody:
            if not self._let_through(tickets[0]):
                break
            tickets.popleft()
        if tickets or self._moved:
            self._look_again()

    def _let_through(self, ticket: _Ticket) -> bool:
        """Whether a ticket is done with: its call has a server now, or is no more."""
        if ticket.future.done():
            return True
        if self.doubted_since is not None and self.open:
            return False
        now = self._loop.time()
        free = [
            lane
            for lane in self.lanes
            if lane.has_room and lane.number not in ticket.tried and lane.wait(now) <= 0
        ]
        if not free:
            return False
        lane = min(free, key=lambda one: (one.open, one.sent))
        if ticket.near and len(self.lanes) > 1:
            lane = self._nearest(ticket.near, lane, free)
        ticket.future.set_result(lane.take(now, ticket.tokens))
        return True

    def _nearest(self, near: str, fewest: Lane, free: list[Lane]) -> Lane:
        known = self.lanes[self._near.pop(near, fewest.number)]
        lane = known if known in free and known.open <= fewest.open + NEAR else fewest
        self._near[near] = lane.number
        if len(self._near) > REMEMBERED_NEAR:
            del self._near[next(iter(self._near))]
        return lane

    def _look_again(self) -> None:
        """As soon as a server that has room may be asked again."""
        now = self._loop.time()
        waits = [lane.wait(now) for lane in self.lanes if lane.has_room]
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (soonest := min((wait for wait in waits if wait > 0), default=None)) is not None:
            self._timer = self._loop.call_later(soonest, self._admit)
