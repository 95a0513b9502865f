"""What is said of waiting for an endpoint: once each time, with the time at which it goes on."""

import asyncio
import logging
import time

LOG = logging.getLogger("prefloop")
COUNTING = logging.getLogger("prefloop.counting")
"""What a display shows beside the stage at work, each second anew, and a log need not have."""
COUNTING.setLevel(logging.INFO)
EACH = 1.0
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


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class Waits:
    """Says what an endpoint makes us wait for."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint, self._loop = endpoint, asyncio.get_running_loop()
        self._paused_until = self._silent_since = 0.0
        self._away_until = 0.0
        self._away_since: float | None = None
        self._tick: asyncio.TimerHandle | None = None

    def paused(self, seconds: float, why: str) -> None:
        """Nothing is sent for so many seconds, because of what the endpoint said."""
        until = self._loop.time() + seconds
        if seconds > WORTH_SAYING and until > self._paused_until + WORTH_SAYING:
            self._paused_until = until
            LOG.warning(
                "endpoint %s: waits %.0f s as it asks, goes on at %s (%s)",
                *(self._endpoint, seconds, clock(seconds), why),
            )

    def away(self, seconds: float, why: str) -> None:
        """Nobody is there, and is waited for so many seconds more; counted until `there`."""
        now = self._loop.time()
        self._away_until = now + seconds
        if self._away_since is None:
            self._away_since = now
            LOG.warning(
                "endpoint %s is away and waited for until %s (%s)",
                *(self._endpoint, clock(seconds), why),
            )
            self._count()

    def there(self) -> None:
        """It is no longer waited for."""
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        if self._away_since is not None:
            waited = self._loop.time() - self._away_since
            self._away_since = None
            if self._loop.time() < self._away_until:
                LOG.warning("endpoint %s is there again after %.0f s", self._endpoint, waited)

    def _count(self) -> None:
        assert self._away_since is not None, "it is away"
        now = self._loop.time()
        waited, left = now - self._away_since, max(0.0, self._away_until - now)
        COUNTING.info(
            "%s away for %s, waited for until %s",
            *(self._endpoint, duration(waited), clock(left)),
        )
        self._tick = self._loop.call_later(EACH, self._count)

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
