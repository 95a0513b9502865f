"""One server of an endpoint: its open calls, its limits and pauses, and whether it is there."""

from collections.abc import Callable

from endpoints.config import EndpointConfig
from endpoints.meter import Meter
from endpoints.places import Place, Places
from endpoints.window import Window

REFUSES_ALL = 16
SILENT = 1.0
"""So many 429s and seconds without an answer, or a 429 before any answer, pause a server as a whole
for as long as it says; else the call that was refused waits alone."""
REMEMBERED = 32
"""Calls, about, that the share refused is of."""
PROBES = 0.5, 15.0
"""Seconds between two calls to a server that is away: the first, and the most they grow to."""
LONGEST_REST = 1.0
"""Seconds that the place of a refused call is not given to another, times the share refused."""


class Lane:
    """The calls to one server.

    The number open at once starts at `max_in_flight` and follows the share that meets 429s
    (endpoints/window.py); by that share the places of refused calls rest. While the server is away,
    or is yet to be `proven` (that it serves what the others do), one call is sent at a time.
    """

    def __init__(self, number: int, config: EndpointConfig, now: float, proven: bool) -> None:
        self.number, self.proven = number, proven
        self._places = Places(config.max_in_flight)
        self._window = Window(config.max_in_flight, now)
        self._requests, self._tokens = Meter(config.rpm), Meter(config.tpm)
        self._resting = 0
        self._refused_share = 0.0
        self.sent = self.answers = self.refused_in_a_row = self.failures = 0
        self.last_answer = now
        self.away_since: float | None = None
        self._probe_after = PROBES[0]
        self._paused_until = 0.0

    @property
    def open(self) -> int:
        """Calls that are open."""
        return len(self._places)

    @property
    def has_room(self) -> bool:
        """Whether one more may be open."""
        if self.away_since is not None or not self.proven:
            return not self._places
        return self._places.counted + self._resting < int(self._window.allowed)

    def may_be_asked(self, now: float) -> bool:
        """Whether it is there, and has not said to wait."""
        return self.away_since is None and self._paused_until <= now

    def wait(self, now: float) -> float:
        """Seconds until a call may be sent, if there is room; 0 or less is now."""
        limits = self._requests.wait(now), self._tokens.wait(now)
        return max(self._paused_until - now, *limits)

    def take(self, now: float, tokens: int) -> Place:
        """A call is sent."""
        self._requests.use(now, 1)
        self._tokens.use(now, tokens)
        place = self._places.take()._replace(lane=self.number)
        self._window.sent(place.number)
        self.sent += 1
        return place

    def leave(self, place: Place) -> None:
        """It is no longer open."""
        self._places.leave(place)

    def answered(self, place: Place, now: float, tokens: int) -> None:
        """It was answered, with so many `tokens` more than was thought."""
        self.last_answer = now
        self._places.answered()
        self._refused_share -= self._refused_share / REMEMBERED
        self.refused_in_a_row = 0
        self.answers += 1
        self.failures = 0
        self._probe_after = PROBES[0]
        self._window.answered(place.number, now)
        self._tokens.use(now, tokens)

    def refused(
        self, place: Place, now: float, told: float | None, later: Callable[[float], object]
    ) -> bool:
        """It met a 429, and was `told` to wait; whether the server is paused. Else its place rests,
        and `later` is called with the seconds after which `rested` ends that.
        """
        self._refused_share += (1 - self._refused_share) / REMEMBERED
        self.refused_in_a_row += 1
        self._window.refused(place.number, now)
        since = max(self.last_answer, self._paused_until)  # an answer takes its time after a pause
        silent = now - since > SILENT and self.refused_in_a_row >= REFUSES_ALL
        if told is not None and (silent or not self.answers):
            self.pause(now + told)
            return True
        self._resting += 1
        rest = LONGEST_REST if told is None else min(told, LONGEST_REST)
        later(rest * self._refused_share)
        return False

    def rested(self) -> None:
        """A place may be taken again."""
        self._resting -= 1

    def pause(self, until: float) -> None:
        """Send nothing until then."""
        self._paused_until = max(self._paused_until, until)

    def away(self, now: float, at_most: float) -> None:
        """A call found nobody there: the next is sent after a while, of at most so many seconds."""
        if self.away_since is None:
            self.away_since = now
        if now >= self._paused_until:  # of several that were open the first counts
            self._paused_until = now + min(self._probe_after, at_most)
            self._probe_after = min(PROBES[1], 2 * self._probe_after)

    def there(self) -> bool:
        """Something came of a call; whether that ends its being away."""
        was_away, self.away_since = self.away_since is not None, None
        if was_away:
            self._paused_until = 0.0
        return was_away
