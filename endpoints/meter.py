"""A limit per minute."""

BURST = 1.0
"""Seconds' worth of a per-minute limit that may be used at once."""


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
