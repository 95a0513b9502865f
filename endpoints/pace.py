"""How fast an endpoint is asked: calls open at once, requests and tokens a minute, pauses."""

import asyncio
import random
from collections import deque
from typing import Any

from endpoints.config import EndpointConfig
from endpoints.meter import Meter
from endpoints.places import Place, Places

LONGEST_DELAY = 30.0
BUSY_SHARE = 0.2
"""Where more of the last calls than this met a 429 the endpoint as a whole is paused for as long as
it says; below it the call that was refused waits alone."""
REMEMBERED = 32
"""Calls, about, that this share is of."""


class Pace:
    """Lets an endpoint's calls through, first come, first served; retried ones before new ones.

    The number open at once starts at `max_in_flight`. Each round trip that met 429s takes off
    half of the share that was refused, and at least one; each without adds one. While it is in
    doubt whether the endpoint answers at all, one is sent at a time.
    """

    def __init__(self, config: EndpointConfig) -> None:
        self._loop = asyncio.get_running_loop()
        self._most = config.max_in_flight
        self.allowed = float(config.max_in_flight)
        self._places = Places(config.max_in_flight)
        self._busy_share = 1.0
        self.doubted_since: float | None = None
        self._waiting: deque[tuple[asyncio.Future[Place], int]] = deque()
        self._requests, self._tokens = Meter(config.rpm), Meter(config.tpm)
        self._counts_tokens = config.tpm is not None
        self._written, self._written_by = 0, 0
        self._paused_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = asyncio.Event()
        self._end: Exception | None = None
        self._turn = self._cut = self.last_answer = self._loop.time()
        self._answers = self._refusals = 0
        self.has_answered = False

    def estimate_tokens(self, body: dict[str, Any]) -> int:
        """Tokens that a call will use: its messages' length and the mean answer so far."""
        if not self._counts_tokens:
            return 0
        characters = sum(len(str(message.get("content"))) for message in body["messages"])
        return characters // 4 + self._written // max(self._written_by, 1)

    @property
    def open(self) -> int:
        """Calls that are open."""
        return len(self._places)

    async def enter(self, tokens: int, again: bool) -> Place:
        """Wait for a place. Raises what the pace is closed with, as soon as it is."""
        if self._end is not None:
            raise self._end
        ticket = self._loop.create_future()
        (self._waiting.appendleft if again else self._waiting.append)((ticket, tokens))
        self._admit()
        try:
            place = await ticket
        except asyncio.CancelledError:
            if not ticket.cancelled():  # the place was given in the same moment
                self.leave(ticket.result())
            raise
        if self._end is not None:
            self.leave(place)
            raise self._end
        return place

    def leave(self, place: Place) -> None:
        """Give the place back."""
        self._places.leave(place)
        self._admit()

    def doubt(self, doubted: bool) -> None:
        """Whether so many calls failed that one at a time is sent, until one is answered."""
        if not doubted:
            self.doubted_since = None
            self._admit()
        elif self.doubted_since is None:
            self.doubted_since = self._loop.time()

    def answered(self, sent: float, estimated: int, read: int, written: int) -> None:
        """A call that was sent at `sent` was answered with so many tokens."""
        self.last_answer = now = self._loop.time()
        self.doubted_since = None
        self._places.answered()
        self._busy_share -= self._busy_share / REMEMBERED
        self.has_answered = True
        self._answers += 1
        self.allowed = min(self._most, self.allowed + 1 / self.allowed)
        if self._counts_tokens:
            self._written, self._written_by = self._written + written, self._written_by + 1
            self._tokens.use(now, read + written - estimated)
        if sent >= self._turn:
            self._turn_over(now)

    def refused(self, sent: float) -> None:
        """A call that was sent at `sent` met a 429."""
        self._busy_share += (1 - self._busy_share) / REMEMBERED
        if sent < self._cut:  # more of what the last cut has dealt with
            return
        self._refusals += 1
        if 2 * self._refusals >= self.allowed:  # no answer may ever end this round trip
            self._turn_over(self._loop.time())

    def pause(self, seconds: float) -> bool:
        """Send nothing for so long, where the endpoint refuses many; whether it is paused."""
        if self._busy_share < BUSY_SHARE:
            return False
        self._paused_until = max(self._paused_until, self._loop.time() + seconds)
        return True

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
        for ticket, _ in self._waiting:
            if not ticket.done():
                ticket.set_exception(self._end)
        self._waiting.clear()

    def _turn_over(self, now: float) -> None:
        if self._refusals:
            share = self._refusals / (self._refusals + self._answers)
            self.allowed = max(1.0, min(self.allowed - 1, self.allowed * (1 - share / 2)))
            self._cut = now
        self._turn, self._answers, self._refusals = now, 0, 0

    def _admit(self) -> None:
        while self._waiting and self._has_room():
            now = self._loop.time()
            wait = max(self._paused_until - now, self._requests.wait(now), self._tokens.wait(now))
            if wait > 0:
                if self._timer is not None:
                    self._timer.cancel()
                self._timer = self._loop.call_later(wait, self._admit)
                return
            ticket, tokens = self._waiting.popleft()
            if not ticket.done():
                self._requests.use(now, 1)
                self._tokens.use(now, tokens)
                ticket.set_result(self._places.take())

    def _has_room(self) -> bool:
        if self.doubted_since is not None:
            return not self._places
        return self._places.counted < int(self.allowed)
