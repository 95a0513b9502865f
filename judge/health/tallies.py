"""The figures of a round's judge, counted prompt by prompt.

Each tally is given the labelling rows of one prompt at a time and keeps a few numbers of them:
outcomes of comparisons and their lengths, scores of the screen, what the order of showing does,
and the calls behind it all.
"""

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import fmean, pstdev
from typing import Any

from rounds.rates import fit_length_effect, rate
from rounds.rows import Verdict
from rounds.usage import UsageTally, was_sent
from rounds.verdicts import CandidateIds, Settled, comparisons, reverses, screen_scores, settle

MARGIN_BINS = 10


class ComparisonTally:
    """Outcomes of the comparisons, how sure they were, and how much longer each winner is.

    Holds a number for every decided comparison. `decided` counts them.
    """

    def __init__(self) -> None:
        self.decided = 0
        self._outcomes, self._reasons = Counter[str](), Counter[str | None]()
        self._margin_bins = Counter[int]()
        self._length_differences = array("q")

    def add(
        self, rows: list[Verdict], characters: Mapping[str, int]
    ) -> dict[CandidateIds, Settled]:
        """Count a prompt's comparisons; returns what each of them amounts to.

        `characters` are the lengths of its candidates' texts, by candidate id.
        """
        labels = {pair: settle(verdicts) for pair, verdicts in comparisons(rows).items()}
        scores = screen_scores(rows)
        for pair, label in labels.items():
            self._outcomes[label.outcome] += 1
            if label.outcome == "abstain":
                self._reasons[label.reason] += 1
            if label.outcome in ("a", "b") and not reverses(scores, pair, label.outcome):
                chosen, rejected = pair if label.outcome == "a" else pair[::-1]
                self.decided += 1
                self._length_differences.append(characters[chosen] - characters[rejected])
                if label.probability is not None:
                    margin = int(abs(2 * label.probability - 1) * MARGIN_BINS)
                    self._margin_bins[min(margin, MARGIN_BINS - 1)] += 1
        return labels

    def comparisons(self) -> dict[str, Any]:
        """How many there are by outcome; in `screen_disagrees` the screen says the opposite."""
        return {
            "n": self._outcomes.total(),
            "decided": self.decided,
            "screen_disagrees": self._outcomes["a"] + self._outcomes["b"] - self.decided,
            "tie": self._outcomes["tie"],
            "abstain": dict(sorted(self._reasons.items())),
        }

    def margins(self) -> dict[str, Any]:
        """Histogram of |2p - 1| from 0 to 1, where there are probabilities."""
        n = self._margin_bins.total()
        counts = [self._margin_bins[place] for place in range(MARGIN_BINS)] if n else None
        return {"counts": counts, "n": n}

    def lengths(self) -> dict[str, Any]:
        """How length goes with winning, over chosen minus rejected length in characters.

        longer_chosen: share of the comparisons of unequal length that the longer answer wins
        (humans 64 %, GPT-4 68 % on AlpacaEval's annotations). length_slope: log-odds of winning on
        tanh(length difference / its deviation), as in arXiv 2404.04475; None where all lengths are
        equal. length_difference: mean of chosen minus rejected, characters.
        """
        differences = self._length_differences
        unequal = [difference for difference in differences if difference]
        n = len(differences)
        return {
            "longer_chosen": rate(sum(difference > 0 for difference in unequal), len(unequal)),
            "length_slope": {"value": _length_slope(differences) if unequal else None, "n": n},
            "length_difference": {"value": fmean(differences) if differences else None, "n": n},
        }


class ScreenTally:
    """The scores of single answers. Holds a number for every scored candidate."""

    def __init__(self) -> None:
        self._scores = array("d")
        self._prompts = self._without_unique_best = 0

    def add(self, rows: list[Verdict]) -> None:
        """Count the rows of a prompt."""
        scores = [
            row["score"]
            for row in rows
            if row["kind"] in ("pointwise", "answers") and row["score"] is not None
        ]
        self._scores.extend(scores)
        if len(scores) > 1:
            self._prompts += 1
            self._without_unique_best += scores.count(max(scores)) > 1

    def measures(self) -> dict[str, Any]:
        """Mean and deviation of the scores, and prompts whose best score is not one candidate's."""
        return {
            "no_unique_best": rate(self._without_unique_best, self._prompts),
            "mean": fmean(self._scores) if self._scores else None,
            "deviation": pstdev(self._scores) if self._scores else None,
            "n": len(self._scores),
        }


class OrderTally:
    """What the order of showing does: flips, what one order leaves undecided, first slot, ties.

    Holds a number for every comparison with a probability in both orders.
    """

    def __init__(self) -> None:
        self._counts = Counter[str]()
        self._gaps = array("d")

    def add(self, rows: list[Verdict]) -> None:
        """Count the rows of a prompt."""
        counts = self._counts
        readable = [
            row for row in rows if row["kind"] == "pairwise" and row["outcome"] != "abstain"
        ]
        counts["readable"] += len(readable)
        for row in readable:
            counts["ties"] += row["outcome"] == "tie"
            if row["outcome"] in ("a", "b") and row["shown_first"]:
                counts["decisive"] += 1
                counts["for_first"] += row["outcome"] == row["shown_first"]
        for a_first, b_first in _in_both_orders(
            [row for row in readable if row["purpose"] == "confirm"]
        ):
            counts["twice"] += 1
            outcomes = {a_first["outcome"], b_first["outcome"]}
            counts["flipped"] += outcomes == {"a", "b"}
            counts["undecided_once"] += "tie" in outcomes and len(outcomes) > 1
            if a_first["probability"] is not None and b_first["probability"] is not None:
                self._gaps.append(abs(a_first["probability"] - b_first["probability"]))

    def measures(self) -> dict[str, Any]:
        """The figures.

        flips: share of confirmed-or-not comparisons, per judge and readable in both orders, that
        the order reverses (a is better in one, b in the other). undecided_in_one_order: those that
        are a tie in one order and decided in the other. order_gap: mean distance (0 to 1) of the
        two orders' probabilities of a. first_slot: share of decisive verdicts for the answer shown
        first. ties: of readable ones.
        """
        counts = self._counts
        return {
            "flips": rate(counts["flipped"], counts["twice"]),
            "undecided_in_one_order": rate(counts["undecided_once"], counts["twice"]),
            "order_gap": {"value": fmean(self._gaps) if self._gaps else None, "n": len(self._gaps)},
            "first_slot": rate(counts["for_first"], counts["decisive"]),
            "ties": rate(counts["ties"], counts["readable"]),
        }


class CallTally:
    """The calls behind the labels. Holds six numbers of every call."""

    def __init__(self) -> None:
        self._kinds, self._failed = Counter[str](), Counter[str]()
        self._reasons = Counter[str]()
        self._readable = self._with_probability = 0
        self._usage = UsageTally()

    def add(self, rows: list[Verdict]) -> None:
        """Count the rows of a prompt."""
        self._usage.add(rows)
        for row in filter(was_sent, rows):
            self._kinds[row["kind"]] += 1
            if row["reason"] is not None:
                self._failed[row["kind"]] += 1
                self._reasons[row["reason"]] += 1
            elif row["kind"] == "pairwise":
                self._readable += 1
                self._with_probability += row["probability"] is not None

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
        return rate(self._with_probability, self._readable)

    def usage(self, prompts: int, decided: int) -> dict[str, Any]:
        """What labelling took: in all, for a prompt judged, and for a comparison decided."""
        totals = self._usage.totals()

        def per(n: int) -> dict[str, float] | None:
            return {name: value / n for name, value in totals.items()} if n else None

        return {**totals, "per_prompt": per(prompts), "per_decided": per(decided)}


def _length_slope(differences: Sequence[int]) -> float:
    # Which of two answers is called a says something (the screen's best is), so each comparison
    # counts both ways round; an intercept would otherwise take what belongs to length.
    outcomes = [1.0] * len(differences) + [0.0] * len(differences)
    both_ways = [*differences, *(-difference for difference in differences)]
    return fit_length_effect(outcomes, both_ways)[1]


def _in_both_orders(rows: list[Verdict]) -> list[tuple[Verdict, Verdict]]:
    """(a shown first, b shown first) of every comparison that a judge has seen in both orders."""

    def comparison(row: Verdict) -> tuple[str, str, str]:
        return row["candidate_a"] or "", row["candidate_b"] or "", row["judge_id"]

    pairs = []
    for _, group in groupby(sorted(rows, key=comparison), key=comparison):
        by_order = {row["shown_first"]: row for row in group}
        if by_order.keys() >= {"a", "b"}:
            pairs.append((by_order["a"], by_order["b"]))
    return pairs
