"""What the order in which two answers are shown does to a judge's verdicts."""

from itertools import groupby
from statistics import fmean
from typing import Any

from rounds.interval import rate
from rounds.tables import Row


def order_measures(rows: list[Row]) -> dict[str, Any]:
    """Flips, order gap, first slot and ties over pairwise labelling rows.

    flips: share of confirmed-or-not comparisons, per judge and readable in both orders, whose
    outcomes differ. order_gap: mean distance (0 to 1) of the two orders' probabilities of a.
    first_slot: share of decisive verdicts for the answer shown first. ties: of readable verdicts.
    """
    readable = [row for row in rows if row["kind"] == "pairwise" and row["outcome"] != "abstain"]
    decisive = [row for row in readable if row["outcome"] in ("a", "b") and row["shown_first"]]
    twice = both_orders_of([row for row in readable if row["purpose"] == "confirm"])
    gaps = [
        abs(first["probability"] - second["probability"])
        for first, second in twice
        if first["probability"] is not None and second["probability"] is not None
    ]
    flipped = sum(first["outcome"] != second["outcome"] for first, second in twice)
    for_first = sum(row["outcome"] == row["shown_first"] for row in decisive)
    return {
        "flips": rate(flipped, len(twice)),
        "order_gap": {"value": fmean(gaps) if gaps else None, "n": len(gaps)},
        "first_slot": rate(for_first, len(decisive)),
        "ties": rate(sum(row["outcome"] == "tie" for row in readable), len(readable)),
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
