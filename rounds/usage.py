"""What a judge's calls took, read from verdict rows."""

from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

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

    Holds 64 bits of the key and five numbers of every row, 48 bytes.
    """

    def __init__(self) -> None:
        self._keys = array("q")
        self._amounts: dict[str, array[Any]] = {
            name: array("d" if name == "cost" else "q") for name in AMOUNTS
        }

    def add(self, rows: Iterable[Verdict]) -> None:
        """Count the calls behind these rows."""
        for row in filter(was_sent, rows):
            self._keys.append(hash(row["request_key"]))
            for name, amounts in self._amounts.items():
                amounts.append(row[name] or 0)  # type: ignore[literal-required]

    def totals(self) -> dict[str, Any]:
        """{"calls", "prompt_tokens", "completion_tokens", "cost", "cached_tokens", "estimated"}."""
        keys = np.array(self._keys)
        _, first = np.unique(keys, return_index=True)
        _, from_end = np.unique(keys[::-1], return_index=True)
        # of each call what its last row says, in the order of the first: a sum of prices has one
        rows = (len(keys) - 1 - from_end)[np.argsort(first)]
        sums = {
            name: sum(array(amounts.typecode, np.array(amounts)[rows].tobytes())) or 0
            for name, amounts in self._amounts.items()
        }
        return {"calls": len(rows), **sums}


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
