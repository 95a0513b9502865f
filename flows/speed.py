"""How fast a stage goes and how long it will take, from what it has reported so far."""

import time
from collections import deque
from collections.abc import Callable

FEWEST_ITEMS, FEWEST_SECONDS = 3, 5.0
"""What must have been seen before anything is said of the time left."""
WINDOW_SECONDS = 60.0
"""The rate is that of the last minute, or of the last FEWEST_ITEMS where these took longer."""


class Speed:
    """The rate of one stage, counted from its first report on: work that a run before this one
    did, and starting a server, are no speed. A count that begins anew is measured anew.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._total = 0
        self._seen: deque[tuple[float, int]] = deque()

    def report(self, done: int, total: int) -> None:
        """`done` of `total` are finished now; a total of 0 counts nothing."""
        if total != self._total or (self._seen and done < self._seen[-1][1]):
            self._seen.clear()
        self._total = total
        if not total:
            return
        now = self._clock()
        self._seen.append((now, done))
        while len(self._seen) > 2:
            at, count = self._seen[1]
            if now - at < WINDOW_SECONDS or done - count < FEWEST_ITEMS:
                break
            self._seen.popleft()

    @property
    def rate(self) -> float | None:
        """Items a second; None until it is known."""
        if len(self._seen) < 2:
            return None
        (began, first), (now, done) = self._seen[0], self._seen[-1]
        if done - first < FEWEST_ITEMS or now - began < FEWEST_SECONDS:
            return None
        return (done - first) / (now - began)

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the end at this rate; None until it is known, and at the end."""
        left = self._total - self._seen[-1][1] if self._seen else 0
        return left / self.rate if left and self.rate else None
