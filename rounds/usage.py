"""What calls took, told from verdict rows."""

from collections.abc import Iterable, Iterator
from typing import Any

from rounds.tables import Row

NEVER_SENT = ("budget", "not_asked")
"""Reasons of answers and verdict rows for which no call was made."""

TOLD = ("prompt_tokens", "completion_tokens", "cost")
USAGE_COLUMNS = ("request_key", "reason", *TOLD)
"""What is read of a verdict row."""


class Calls:
    """Calls, tokens and price over rows that come in parts, each call once.

    Holds the key and three numbers of every call, 250 bytes.
    """

    def __init__(self) -> None:
        self._calls: dict[str, tuple[float | None, ...]] = {}

    def add(self, rows: Iterable[Row]) -> None:
        """Count the calls behind these rows."""
        for row in sent(rows):
            self._calls[row["request_key"]] = tuple(row[name] for name in TOLD)

    def totals(self) -> dict[str, Any]:
        """{"calls", "prompt_tokens", "completion_tokens", "cost"}."""
        counted = {
            name: sum(call[place] or 0 for call in self._calls.values())
            for place, name in enumerate(TOLD)
        }
        return {"calls": len(self._calls), **counted}


def sent(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows of judges that were asked."""
    return (row for row in rows if row["request_key"] and row["reason"] not in NEVER_SENT)


def totals(rows: Iterable[Row]) -> dict[str, Any]:
    """Calls, tokens and price, each call once however many rows rest on it."""
    calls = Calls()
    calls.add(rows)
    return calls.totals()


def added(parts: Iterable[dict[str, Any] | None]) -> dict[str, Any]:
    """Totals of several stages as one; None is a stage that made no calls."""
    names = ("calls", *TOLD)
    found = [part for part in parts if part is not None]
    return {name: sum(part[name] for part in found) for name in names}
