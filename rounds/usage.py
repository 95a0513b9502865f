"""What a judge's calls took, read from verdict rows."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rounds.files import read_json_if_whole, write_json
from rounds.rows import Verdict

NEVER_SENT = ("budget", "not_asked")
"""Reasons of answers and verdict rows for which no call was made."""

AMOUNTS = ("prompt_tokens", "completion_tokens", "cost", "cached_tokens", "estimated")
"""What is summed up of calls: `cached_tokens` are among the prompt's, `estimated` counts the calls
whose endpoint did not report their tokens."""
USAGE_COLUMNS = ("request_key", "reason", *AMOUNTS)
"""What is read of a verdict row."""


class UsageTally:
    """Calls, tokens and price over rows that come in parts, each call once.

    Holds the key and five numbers of every call, 270 bytes.
    """

    def __init__(self) -> None:
        self._calls: dict[str, tuple[float, ...]] = {}

    def add(self, rows: Iterable[Verdict]) -> None:
        """Count the calls behind these rows."""
        for row in rows:
            if was_sent(row):
                self._calls[row["request_key"]] = (
                    *(row["prompt_tokens"], row["completion_tokens"], row["cost"]),
                    *(row["cached_tokens"], row["estimated"]),
                )

    def totals(self) -> dict[str, Any]:
        """{"calls", "prompt_tokens", "completion_tokens", "cost", "cached_tokens", "estimated"}."""
        sums = {
            name: sum(amounts[place] or 0 for amounts in self._calls.values())
            for place, name in enumerate(AMOUNTS)
        }
        return {"calls": len(self._calls), **sums}


def was_sent(row: Verdict) -> bool:
    """Whether a call was made for a row: not of a rule, and not kept back."""
    return bool(row["request_key"]) and row["reason"] not in NEVER_SENT


def usage_totals(rows: Iterable[Verdict]) -> dict[str, Any]:
    """Calls, tokens and price, each call once however many rows rest on it."""
    tally = UsageTally()
    tally.add(rows)
    return tally.totals()


def usage_sum(stages: Iterable[dict[str, Any] | None]) -> dict[str, Any]:
    """Totals of several stages as one; None is a stage that made no calls."""
    with_calls = [totals for totals in stages if totals is not None]
    names = ("calls", *AMOUNTS)
    return {name: sum(totals.get(name, 0) for totals in with_calls) for name in names}


def note_forgotten(folder: Path, calls: int, cost: float) -> None:
    """Count replies of a round under way that were paid for and dropped (`judge forget`)."""
    before = forgotten_totals(folder)
    totals = {"calls": before["calls"] + calls, "cost": before["cost"] + cost}
    write_json(_forgotten(folder), totals)


def forgotten_totals(folder: Path) -> dict[str, Any]:
    """{"calls", "cost"} of the replies that were dropped in a round under way."""
    return read_json_if_whole(_forgotten(folder)) or {"calls": 0, "cost": 0.0}


def _forgotten(folder: Path) -> Path:
    return folder / "work" / "forgotten.json"
