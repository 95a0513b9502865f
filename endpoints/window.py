"""How many calls may be open at once: as many as an endpoint takes without refusing more.

Round trip by round trip, as TCP does it: a share of refusals takes half of itself off the number,
each answer adds a little. But an endpoint may refuse by chance, whatever it is sent (others crowd
it), and then fewer calls only take longer. So a cut that the share does not follow is taken back.
"""

ALL_BACK = 0.9
"""Share of a round trip's calls that must be back to judge it: the last may hang."""
PATIENCE = 1.0
"""Seconds after which a round trip is judged without those calls, if half of it was refused."""
FEWEST = 16
"""Calls of a round trip, however few are open at once: less of them say little about a share."""
TELLING = 0.9
"""Share of refusals above which fewer of them cannot be seen after a cut."""
HELD = 8
"""Round trips without a cut after one was taken back; then it is tried again."""


class Window:
    """The number of calls that may be open, between 1 and `most`.

    Calls are numbered as they are sent. A round trip is of those sent after the last change.
    """

    def __init__(self, most: int, now: float) -> None:
        self._most, self.allowed = most, float(most)
        self._sent = 0
        self._tried: tuple[float, float] | None = None
        self._held = 0
        self._begin(now)

    def sent(self, number: int) -> None:
        """The call of this number was sent."""
        self._sent = number

    def answered(self, number: int, now: float) -> None:
        """It was answered."""
        self.allowed = min(self._most, self.allowed + 1 / self.allowed)
        self._answers += self._is_of_this(number)
        self._judge(now)

    def refused(self, number: int, now: float) -> None:
        """It met a 429."""
        self._refusals += self._is_of_this(number)
        self._judge(now)

    def _begin(self, now: float) -> None:
        self._first, self._began = self._sent + 1, now
        self._size = max(FEWEST, int(self.allowed))
        self._answers = self._refusals = 0

    def _is_of_this(self, number: int) -> bool:
        return self._first <= number < self._first + self._size

    def _judge(self, now: float) -> None:
        back = self._answers + self._refusals
        if back < ALL_BACK * self._size:
            if 2 * self._refusals < self._size or now - self._began < PATIENCE:
                return
            back = self._size  # what is slower than a refusal will be an answer
        share = self._refusals / back
        if self._tried is not None and not self._followed(share, *self._tried):
            self.allowed, self._held = max(self.allowed, self._tried[0]), HELD
        self._tried = None
        if self._held:
            self._held -= 1
        elif share:
            self._tried = (self.allowed, share) if share < TELLING else None
            self.allowed = max(1.0, min(self.allowed - 1, self.allowed * (1 - share / 2)))
        self._begin(now)

    def _followed(self, share: float, before: float, share_before: float) -> bool:
        """Whether fewer were refused after a cut: at least half as much fewer as if the endpoint
        took a fixed number."""
        likely = max(0.0, 1 - (1 - share_before) * before / self.allowed)
        return share <= (share_before + likely) / 2
