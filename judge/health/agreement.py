"""Whether a judge agrees: with itself asked again, over time, in a circle, with another judge."""

from collections import Counter
from itertools import combinations
from typing import Any

from rounds.kappa import either_way, kappa
from rounds.rates import rate
from rounds.rows import Verdict
from rounds.verdicts import CandidateIds, Settled, by_judge, comparisons, settle_one_judge


def repeat_agreement(labelled: list[Verdict], repeats: list[Verdict]) -> tuple[int, int]:
    """How many repeated questions came out as before, and how many could be compared.

    The same answers in the same order, by the same judge if it judged then, else by the first.
    Both verdicts must be readable: a failure is not another opinion.
    """
    before: dict[tuple[str | None, ...], list[Verdict]] = {}
    for row in labelled:
        if row["kind"] == "pairwise" and row["outcome"] != "abstain" and not row["repeat"]:
            before.setdefault(_as_shown(row), []).append(row)
    same = n = 0
    for row in repeats:
        earlier = before.get(_as_shown(row), [])
        if earlier and row["outcome"] != "abstain":
            by_same_judge = [other for other in earlier if other["judge_id"] == row["judge_id"]]
            n += 1
            same += (by_same_judge or earlier)[0]["outcome"] == row["outcome"]
    return same, n


def triad_counts(rows: list[Verdict]) -> Counter[str]:
    """How many triads of one prompt are cyclic, ordered, or set_aside.

    Every three answers that one judge compared all with each other in both orders: cyclic where
    each beats one and loses to another, set aside where there is a tie or an abstention.
    """
    counts = Counter[str]()
    for verdicts in by_judge(row for row in rows if _compares_two(row)).values():
        winners = _winners(verdicts)
        compared = dict.fromkeys(candidate for edge in winners for candidate in edge)
        for triad in combinations(compared, 3):
            edges = [frozenset(edge) for edge in combinations(triad, 2)]
            if all(edge in winners for edge in edges):
                triad_winners = {winners[edge] for edge in edges}
                undecided, cyclic = None in triad_winners, len(triad_winners) == 3
                counts["set_aside" if undecided else "cyclic" if cyclic else "ordered"] += 1
    return counts


def second_judge_agreement(
    labels: dict[CandidateIds, Settled], rows: list[Verdict]
) -> dict[str, Any]:
    """How far another judge's comparisons bear out the labels.

    agreement: share of the comparisons that both decided with the same winner. kappa: Cohen's,
    over a, b and tie, on the `kappa_n` that neither abstained from.
    """
    outcomes = [
        (labels[pair].outcome, settle_one_judge(verdicts).outcome)
        for pair, verdicts in comparisons(rows, "second").items()
        if pair in labels
    ]
    decided = [both for both in outcomes if set(both) <= {"a", "b"}]
    readable = [both for both in outcomes if "abstain" not in both]
    return {
        "agreement": rate(sum(label == second for label, second in decided), len(decided)),
        "kappa": kappa(either_way(readable)),
        "kappa_n": len(readable),
    }


def _as_shown(row: Verdict) -> tuple[str | None, ...]:
    return row["candidate_a"], row["candidate_b"], row["shown_first"]


def _compares_two(row: Verdict) -> bool:
    """Whether it is part of a comparison of two; a list that was not confirmed is none."""
    if row["purpose"] in ("confirm", "triad"):
        return True
    return row["purpose"] == "screen" and row["kind"] == "pairwise"


def _winners(rows: list[Verdict]) -> dict[frozenset[str], str | None]:
    """The winner of each two candidates that were compared; None where neither won."""
    winners: dict[frozenset[str], str | None] = {}
    for (a, b), verdicts in comparisons(rows, None).items():
        outcome = settle_one_judge(verdicts).outcome
        winners[frozenset((a, b))] = {"a": a, "b": b}.get(outcome)
    return winners
