"""How fast an endpoint is asked: calls open at once, requests and tokens a minute, pauses."""

import asyncio
import random
from collections import deque
from typing import Any

from endpoints.config import EndpointConfig
from endpoints.meter import Meter
from endpoints.places import Place, Places
from endpoints.window import Window

LONGEST_DELAY = 30.0
REFUSES_ALL = 16
SILENT = 1.0
"""So many 429s and seconds without an answer, or a 429 before any answer, pause the endpoint as a
whole for as long as it says; else the call that was refused waits alone."""
REMEMBERED = 32
"""Calls, about, that the share refused is of."""
PROBES = 0.5, 15.0
"""Seconds between two calls to an endpoint that is away: the first, and the most they grow to."""
LONGEST_REST = 1.0
"""Seconds that the place of a refused call is not given to another, times the share refused."""


class Pace:
    """Lets an endpoint's calls through, first come, first served; retried ones before new ones.

    The number open at once starts at `max_in_flight` and follows the share that meets 429s
    (endpoints/window.py); by that share the places of refused calls rest. While it is in doubt
    whether the endpoint answers at all, one is sent at a time; while it is away, now and then one.
    """

    def __init__(self, config: EndpointConfig) -> None:
        self._loop = asyncio.get_running_loop()
        self._places = Places(config.max_in_flight)
        self._window = Window(config.max_in_flight, self._loop.time())
        self._resting = 0
        self._refused_share = 0.0
        self.refused_in_a_row = self.answers = self.refusals = 0
        self.doubted_since: float | None = None
        self.away_since: float | None = None
        self._probe_after = PROBES[0]
        self._waiting: deque[tuple[asyncio.Future[Place], int]] = deque()
        self._found_nobody: deque[tuple[asyncio.Future[Place], int]] = deque()
        self._requests, self._tokens = Meter(config.rpm), Meter(config.tpm)
        self._counts_tokens = config.tpm is not None
        self._written, self._written_by = 0, 0
        self._paused_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = asyncio.Event()
        self._end: Exception | None = None
        self.began = self.last_answer = self._loop.time()

    def estimate_tokens(self, body: dict[str, Any]) -> int:
        """Tokens that a call will use: its messages' length and the mean answer so far."""
        if not self._counts_tokens:
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
        return len(self._places)

    async def enter(self, tokens: int, again: bool, found_nobody: bool = False) -> Place:
        """Wait for a place; one that `found_nobody` goes after the others while that may be its own
        fault, and first once somebody is there. Raises what the pace is closed with, at once.
        """
        if self._end is not None:
            raise self._end
        ticket = self._loop.create_future()
        if found_nobody and self.away_since is not None:
            self._found_nobody.append((ticket, tokens))
        else:
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

    def away(self, wait_for: float) -> float:
        """A call found nobody there; for how many seconds that has been so.

        The next one is sent after a while, but not later than `wait_for` seconds from the first.
        """
        now = self._loop.time()
        if self.away_since is None:
            self.away_since, self._probe_after = now, PROBES[0]
        if now >= self._paused_until:  # of several that were open the first counts
            left = max(0.0, self.away_since + wait_for - now)
            self._paused_until = now + min(self._probe_after, left)
            self._probe_after = min(PROBES[1], 2 * self._probe_after)
        return now - self.away_since

    def there(self) -> None:
        """Something came of a call: the endpoint is not away."""
        if self.away_since is not None:
            self.away_since, self._paused_until = None, 0.0
            self._waiting.extendleft(reversed(self._found_nobody))
            self._found_nobody.clear()
            self._admit()

    def answered(self, place: Place, estimated: int, read: int, written: int) -> None:
        """The call of a place was answered with so many tokens."""
        self.last_answer = now = self._loop.time()
        self.doubted_since = None
        self._places.answered()
        self._refused_share -= self._refused_share / REMEMBERED
        self.refused_in_a_row = 0
        self.answers += 1
        self._window.answered(place.number, now)
        if self._counts_tokens:
            self._written, self._written_by = self._written + written, self._written_by + 1
            self._tokens.use(now, read + written - estimated)

    def refused(self, place: Place, told: float | None) -> bool:
        """The call of a place met a 429, and was `told` to wait; whether the endpoint is paused."""
        self._refused_share += (1 - self._refused_share) / REMEMBERED
        self.refused_in_a_row += 1
        self.refusals += 1
        now = self._loop.time()
        self._window.refused(place.number, now)
        since = max(self.last_answer, self._paused_until)  # an answer takes its time after a pause
        silent = now - since > SILENT and self.refused_in_a_row >= REFUSES_ALL
        if told is not None and (silent or not self.has_answered):
            self._paused_until = max(self._paused_until, now + told)
            return True
        self._resting += 1
        rest = LONGEST_REST if told is None else min(told, LONGEST_REST)
        self._loop.call_later(rest * self._refused_share, self._rested)
        return False

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
        for tickets in (self._waiting, self._found_nobody):
            for ticket, _ in tickets:
                if not ticket.done():
                    ticket.set_exception(self._end)
            tickets.clear()

    def _rested(self) -> None:
        self._resting -= 1
        self._admit()

    def _admit(self) -> None:
        while (tickets := self._waiting or self._found_nobody) and self._has_room():
            now = self._loop.time()
            wait = max(self._paused_until - now, self._requests.wait(now), self._tokens.wait(now))
            if wait > 0:
                if self._timer is not None:
                    self._timer.cancel()
                self._timer = self._loop.call_later(wait, self._admit)
                return
            ticket, tokens = tickets.popleft()
            if not ticket.done():
                self._requests.use(now, 1)
                self._tokens.use(now, tokens)
                place = self._places.take()
                self._window.sent(place.number)
                ticket.set_result(place)

    def _has_room(self) -> bool:
        if self.doubted_since is not None or self.away_since is not None:
            return not self._places
        return self._places.counted + self._resting < int(self._window.allowed)
