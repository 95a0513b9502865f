"""What is said of waiting for an endpoint: once each time, with the time at which it goes on."""

import asyncio
import logging
import time

LOG = logging.getLogger("prefloop")
WORTH_SAYING = 5.0
"""Seconds of waiting that go by without a word."""
MANY = 0.2
"""Share of calls that met a 429 from which the rate reached is said."""
SILENCE = 20.0
"""Seconds without an answer, while calls fail, before that is said."""


def clock(seconds: float) -> str:
    """The time on the clock so many seconds from now; with its date where that is another day."""
    then, now = time.localtime(time.time() + seconds), time.localtime()
    return time.strftime("%H:%M:%S" if then[:3] == now[:3] else "%Y-%m-%d %H:%M", then)


class Waits:
    """Says what an endpoint makes us wait for."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint, self._loop = endpoint, asyncio.get_running_loop()
        self._paused_until = self._silent_since = 0.0

    def paused(self, seconds: float, why: str) -> None:
        """Nothing is sent for so many seconds, because of what the endpoint said."""
        until = self._loop.time() + seconds
        if seconds > WORTH_SAYING and until > self._paused_until + WORTH_SAYING:
            self._paused_until = until
            LOG.warning(
                "endpoint %s: waits %.0f s as it asks, goes on at %s (%s)",
                *(self._endpoint, seconds, clock(seconds), why),
            )

    def failed(self, last_answer: float, why: str) -> None:
        """An attempt failed that is tried again; said where none has been answered for a while."""
        silent = self._loop.time() - last_answer
        if silent > SILENCE and last_answer > self._silent_since:
            self._silent_since = last_answer
            LOG.warning(
                "endpoint %s: no answer for %.0f s, calls are tried again (%s)",
                *(self._endpoint, silent, why),
            )

    def reached(self, answers: int, refusals: int, seconds: float) -> None:
        """The stream has ended: how fast it was, where many calls were refused."""
        calls = answers + refusals
        if answers and refusals > MANY * calls:
            LOG.warning(
                "endpoint %s: refused %.0f %% of %d calls (429), and answered %.1f a second",
                *(self._endpoint, 100 * refusals / calls, calls, answers / max(seconds, 1e-3)),
            )
