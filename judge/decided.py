"""The comparisons that a judge decided, counted prompt by prompt."""

from array import array
from collections import Counter
from collections.abc import Mapping
from statistics import fmean, pstdev
from typing import Any

from rounds.interval import rate
from rounds.settle import Settled, comparisons, reverses, screen_scores, settle
from rounds.tables import Row

MARGIN_BINS = 10

Pair = tuple[Any, Any]


class Decided:
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


class Screen:
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
