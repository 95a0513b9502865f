"""The comparisons that a judge decided, counted prompt by prompt."""

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import fmean, pstdev
from typing import Any

from rounds.rates import fit_length, rate
from rounds.tables import Row
from rounds.usage import Calls, sent
from rounds.verdicts import Settled, comparisons, reverses, screen_scores, settle

MARGIN_BINS = 10

Pair = tuple[Any, Any]


class ComparisonTally:
    """Outcomes of the comparisons, how sure they were, and how much longer each winner is.

    Holds a number for every decided comparison. `n` counts the decided ones.
    """

    def __init__(self) -> None:
        self.n = 0
        self.longer_by = array("q")
        self._outcomes, self._reasons = Counter[str](), Counter[str | None]()
        self._bins = Counter[int]()

    def add(self, rows: list[Row], characters: Mapping[str, int]) -> dict[Pair, Settled]:
        """Count a prompt's comparisons; returns what each of them amounts to.

        `characters` are the lengths of its candidates' texts, by candidate id.
        """
        labels = {pair: settle(found) for pair, found in comparisons(rows).items()}
        looked = screen_scores(rows)
        for pair, one in labels.items():
            self._outcomes[one.outcome] += 1
            if one.outcome == "abstain":
                self._reasons[one.reason] += 1
            if one.outcome in ("a", "b") and not reverses(looked, pair, one.outcome):
                winner, loser = pair if one.outcome == "a" else pair[::-1]
                self.n += 1
                self.longer_by.append(characters[winner] - characters[loser])
                if one.probability is not None:
                    sure = int(abs(2 * one.probability - 1) * MARGIN_BINS)
                    self._bins[min(sure, MARGIN_BINS - 1)] += 1
        return labels

    def comparisons(self) -> dict[str, Any]:
        """How many there are by outcome; `reversed` ones contradict the screen."""
        return {
            "n": self._outcomes.total(),
            "decided": self.n,
            "reversed": self._outcomes["a"] + self._outcomes["b"] - self.n,
            "tie": self._outcomes["tie"],
            "abstain": dict(sorted(self._reasons.items())),
        }

    def margins(self) -> dict[str, Any]:
        """Histogram of |2p - 1| from 0 to 1, where there are probabilities."""
        given = self._bins.total()
        counts = [self._bins[place] for place in range(MARGIN_BINS)] if given else None
        return {"counts": counts, "n": given}


class ScreenTally:
    """The scores of single answers. Holds a number for every scored candidate."""

    def __init__(self) -> None:
        self._scores = array("d")
        self._several = self._shared = 0

    def add(self, rows: list[Row]) -> None:
        """Count the rows of a prompt."""
        scores = [
            row["score"] for row in rows if row["kind"] == "pointwise" and row["score"] is not None
        ]
        self._scores.extend(scores)
        if len(scores) > 1:
            self._several += 1
            self._shared += scores.count(max(scores)) > 1

    def measures(self) -> dict[str, Any]:
        """Mean and deviation of the scores, and prompts whose best score is not one candidate's."""
        return {
            "no_unique_best": rate(self._shared, self._several),
            "mean": fmean(self._scores) if self._scores else None,
            "deviation": pstdev(self._scores) if self._scores else None,
            "n": len(self._scores),
        }


class OrderTally:
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


class CallTally:
    """The calls behind labelling rows that come prompt by prompt."""

    def __init__(self) -> None:
        self._kinds, self._failed = Counter[str](), Counter[str]()
        self._reasons = Counter[str]()
        self._read = self._sure = 0
        self._calls = Calls()

    def add(self, rows: list[Row]) -> None:
        """Count the rows of a prompt."""
        self._calls.add(rows)
        for row in sent(rows):
            self._kinds[row["kind"]] += 1
            if row["reason"] is not None:
                self._failed[row["kind"]] += 1
                self._reasons[row["reason"]] += 1
            elif row["kind"] == "pairwise":
                self._read += 1
                self._sure += row["probability"] is not None

    def failures(self) -> dict[str, Any]:
        """Calls without a readable verdict: of all, of each kind of question, and by reason."""
        return {
            **rate(self._failed.total(), self._kinds.total()),
            "kinds": {
                kind: rate(self._failed[kind], self._kinds[kind]) for kind in sorted(self._kinds)
            },
            "reasons": dict(sorted(self._reasons.items())),
        }

    def probabilities(self) -> dict[str, Any]:
        """Share of the readable pairwise verdicts that came with a probability."""
        return rate(self._sure, self._read)

    def usage(self, prompts: int, decided: int) -> dict[str, Any]:
        """What labelling took: in all, for a prompt judged, and for a comparison decided."""
        whole = self._calls.totals()

        def each(n: int) -> dict[str, float] | None:
            return {name: value / n for name, value in whole.items()} if n else None

        return {**whole, "per_prompt": each(prompts), "per_decided": each(decided)}


def length_measures(longer_by: Sequence[int]) -> dict[str, Any]:
    """How length goes with winning, over winner's minus loser's length in characters.

    longer_chosen: share of the comparisons of unequal length that the longer answer wins (humans
    64 %, GPT-4 68 % on AlpacaEval's annotations). length_slope: log-odds of winning on tanh(length
    difference / its deviation), as in arXiv 2404.04475; None where all lengths are equal.
    length_difference: mean of winner minus loser, characters.
    """
    unequal = [by for by in longer_by if by]
    return {
        "longer_chosen": rate(sum(by > 0 for by in unequal), len(unequal)),
        "length_slope": {"value": _slope(longer_by) if unequal else None, "n": len(longer_by)},
        "length_difference": {
            "value": fmean(longer_by) if longer_by else None,
            "n": len(longer_by),
        },
    }


def _slope(longer_by: Sequence[int]) -> float:
    # Which of two answers is called a says something (the screen's best is), so each comparison
    # counts both ways round; an intercept would otherwise take what belongs to length.
    worth = [1.0] * len(longer_by) + [0.0] * len(longer_by)
    return fit_length(worth, [*longer_by, *(-by for by in longer_by)])[1]
