"""What calls took, told from verdict rows."""

from collections.abc import Iterable
from typing import Any

from rounds.tables import Row

NEVER_SENT = ("budget", "not_asked")
"""Reasons of answers and verdict rows for which no call was made."""


def sent(rows: Iterable[Row]) -> list[Row]:
    """Rows of judges that were asked."""
    return [row for row in rows if row["request_key"] and row["reason"] not in NEVER_SENT]


def totals(rows: Iterable[Row]) -> dict[str, Any]:
    """Calls, tokens and price, each call once however many rows rest on it."""
    calls = {row["request_key"]: row for row in sent(rows)}.values()
    counted = {
        name: sum(row[name] or 0 for row in calls)
        for name in ("prompt_tokens", "completion_tokens", "cost")
    }
    return {"calls": len(calls), **counted}
