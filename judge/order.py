"""What the order in which two answers are shown does to a judge's verdicts."""

from array import array
from collections import Counter
from itertools import groupby
from statistics import fmean
from typing import Any

from rounds.interval import rate
from rounds.tables import Row


class Order:
    """Flips, order gap, first slot and ties over labelling rows that come prompt by prompt."""

    def __init__(self) -> None:
        self._n = Counter[str]()
        self._gaps = array("d")

    def add(self, rows: list[Row]) -> None:
        """Count the rows of a prompt."""
        readable = [
            row for row in rows if row["kind"] == "pairwise" and row["outcome"] != "abstain"
        ]
        self._n["readable"] += len(readable)
        for row in readable:
            self._n["ties"] += row["outcome"] == "tie"
            if row["outcome"] in ("a", "b") and row["shown_first"]:
                self._n["decisive"] += 1
                self._n["for_first"] += row["outcome"] == row["shown_first"]
        for first, second in both_orders_of([row for row in readable if _confirms(row)]):
            self._n["twice"] += 1
            self._n["flipped"] += first["outcome"] != second["outcome"]
            if first["probability"] is not None and second["probability"] is not None:
                self._gaps.append(abs(first["probability"] - second["probability"]))

    def measures(self) -> dict[str, Any]:
        """The figures.

        flips: share of confirmed-or-not comparisons, per judge and readable in both orders, whose
        outcomes differ. order_gap: mean distance (0 to 1) of the two orders' probabilities of a.
        first_slot: share of decisive verdicts for the answer shown first. ties: of readable ones.
        """
        n = self._n
        return {
            "flips": rate(n["flipped"], n["twice"]),
            "order_gap": {"value": fmean(self._gaps) if self._gaps else None, "n": len(self._gaps)},
            "first_slot": rate(n["for_first"], n["decisive"]),
            "ties": rate(n["ties"], n["readable"]),
        }


def both_orders_of(rows: list[Row]) -> list[tuple[Row, Row]]:
    """(a shown first, b shown first) of every comparison that a judge has seen in both orders."""

    def name(row: Row) -> tuple[str, ...]:
        return row["candidate_a"], row["candidate_b"], row["judge_id"]

    found = []
    for _, group in groupby(sorted(rows, key=name), key=name):
        shown = {row["shown_first"]: row for row in group}
        if shown.keys() >= {"a", "b"}:
            found.append((shown["a"], shown["b"]))
    return found


def _confirms(row: Row) -> bool:
    return bool(row["purpose"] == "confirm")
