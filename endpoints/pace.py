"""How fast an endpoint is asked: calls open at once, requests and tokens a minute, pauses."""

import asyncio
import random
from collections import deque
from typing import Any

from endpoints.config import EndpointConfig

BURST = 1.0
"""Seconds' worth of a per-minute limit that may be used at once."""
LONGEST_DELAY = 30.0


class Meter:
    """A limit per minute: no minute holds more than the limit and one call."""

    def __init__(self, limit: int | None) -> None:
        self._seconds = (60 + BURST) / limit if limit else 0.0
        self._used_until = 0.0

    def wait(self, now: float) -> float:
        """Seconds until something may be used."""
        return self._used_until - now - BURST

    def use(self, now: float, amount: float) -> None:
        """Use so much, or give back what was estimated too high (below 0)."""
        since = max(self._used_until, now) if amount > 0 else self._used_until
        self._used_until = since + amount * self._seconds


class Pace:
    """Lets an endpoint's calls through, first come, first served; retried ones before new ones.

    The number open at once starts at `max_in_flight`. Each round trip that met 429s takes off
    half of the share that was refused, and at least one; each without adds one.
    """

    def __init__(self, config: EndpointConfig) -> None:
        self._loop = asyncio.get_running_loop()
        self._most = config.max_in_flight
        self.allowed = float(config.max_in_flight)
        self._open = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
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

    async def enter(self, tokens: int, again: bool) -> None:
        """Wait for a place. Raises what the pace is closed with, as soon as it is."""
        if self._end is not None:
            raise self._end
        place = self._loop.create_future()
        (self._waiting.appendleft if again else self._waiting.append)((place, tokens))
        self._admit()
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # the place was given in the same moment
                self.leave()
            raise

    def leave(self) -> None:
        """Give the place back."""
        self._open -= 1
        self._admit()

    def answered(self, sent: float, estimated: int, read: int, written: int) -> None:
        """A call that was sent at `sent` was answered with so many tokens."""
        self.last_answer = now = self._loop.time()
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
        if sent < self._cut:  # more of what the last cut has dealt with
            return
        self._refusals += 1
        if 2 * self._refusals >= self.allowed:  # no answer may ever end this round trip
            self._turn_over(self._loop.time())

    def pause(self, seconds: float) -> None:
        """Send nothing for so long."""
        self._paused_until = max(self._paused_until, self._loop.time() + seconds)

    async def back_off(self, tries: int, first: float) -> None:
        """Wait before a call's next try: `first` seconds, doubled with each, less up to half."""
        seconds = min(LONGEST_DELAY, first * 2 ** min(tries - 1, 20)) * random.uniform(0.5, 1)
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
        for place, _ in self._waiting:
            if not place.done():
                place.set_exception(self._end)
        self._waiting.clear()

    def _turn_over(self, now: float) -> None:
        if self._refusals:
            share = self._refusals / (self._refusals + self._answers)
            self.allowed = max(1.0, min(self.allowed - 1, self.allowed * (1 - share / 2)))
            self._cut = now
        self._turn, self._answers, self._refusals = now, 0, 0

    def _admit(self) -> None:
        while self._waiting and self._open < int(self.allowed):
            now = self._loop.time()
            wait = max(self._paused_until - now, self._requests.wait(now), self._tokens.wait(now))
            if wait > 0:
                if self._timer is not None:
                    self._timer.cancel()
                self._timer = self._loop.call_later(wait, self._admit)
                return
            place, tokens = self._waiting.popleft()
            if not place.done():
                self._requests.use(now, 1)
                self._tokens.use(now, tokens)
                self._open += 1
                place.set_result(None)
