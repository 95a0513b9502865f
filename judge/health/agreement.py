"""Whether a judge agrees: with itself asked again, over time, in a circle, with another judge."""

from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from typing import Any

from rounds.rates import rate
from rounds.tables import Row
from rounds.verdicts import Settled, by_judge, comparisons


def unchanged(labelled: list[Row], repeats: list[Row]) -> tuple[int, int]:
    """How many repeated questions came out as before, and how many could be compared.

    The same answers in the same order, by the same judge if it judged then, else by the first.
    Both verdicts must be readable: a failure is not another opinion.
    """
    before: dict[tuple[str, ...], list[Row]] = {}
    for row in labelled:
        if row["kind"] == "pairwise" and row["outcome"] != "abstain" and not row["repeat"]:
            before.setdefault(_shown(row), []).append(row)
    same = n = 0
    for row in repeats:
        found = before.get(_shown(row), [])
        if found and row["outcome"] != "abstain":
            named = [one for one in found if one["judge_id"] == row["judge_id"]]
            n += 1
            same += (named or found)[0]["outcome"] == row["outcome"]
    return same, n


def circles(rows: list[Row]) -> Counter[str]:
    """How many triads of one prompt are cyclic, ordered, or set_aside.

    Every three answers that one judge compared all with each other in both orders: cyclic where
    each beats one and loses to another, set aside where there is a tie or an abstention.
    """
    asked = [row for row in rows if _is_edge(row)]
    found = Counter[str]()
    for judge_id in dict.fromkeys(row["judge_id"] for row in asked):
        edges = _edges([row for row in asked if row["judge_id"] == judge_id])
        for triad in combinations(dict.fromkeys(one for edge in edges for one in edge), 3):
            sides = [frozenset(side) for side in combinations(triad, 2)]
            if all(side in edges for side in sides):
                winners = {edges[side] for side in sides}
                aside, cyclic = None in winners, len(winners) == 3
                found["set_aside" if aside else "cyclic" if cyclic else "ordered"] += 1
    return found


def second_judge(labels: dict[tuple[Any, Any], Settled], rows: list[Row]) -> dict[str, Any]:
    """How far another judge's comparisons bear out the labels.

    agreement: share of the comparisons that both decided with the same winner. kappa: Cohen's,
    over a, b and tie, on the `kappa_n` that neither abstained from.
    """
    said = [
        (labels[pair].outcome, by_judge(verdicts).outcome)
        for pair, verdicts in comparisons(rows, "second").items()
        if pair in labels
    ]
    both = [(one, two) for one, two in said if {one, two} <= {"a", "b"}]
    readable = [pair for pair in said if "abstain" not in pair]
    # the strategy calls its favourite a: counted one way round only, chance would seem to agree
    turned = {"a": "b", "b": "a", "tie": "tie"}
    either_way = [*readable, *((turned[one], turned[two]) for one, two in readable)]
    return {
        "agreement": rate(sum(one == two for one, two in both), len(both)),
        "kappa": kappa(either_way),
        "kappa_n": len(readable),
    }


def kappa(said: Iterable[tuple[str, str]]) -> float | None:
    """Cohen's kappa of two raters; None without cases or where both say one thing only."""
    counts = Counter(said)
    n = sum(counts.values())
    first, second = Counter[str](), Counter[str]()
    for (one, two), times in counts.items():
        first[one] += times
        second[two] += times
    by_chance = sum(first[name] * second[name] for name in first)
    if by_chance == n * n:
        return None
    agreed = sum(times for (one, two), times in counts.items() if one == two)
    return (agreed * n - by_chance) / (n * n - by_chance)


def _shown(row: Row) -> tuple[str, ...]:
    return row["candidate_a"], row["candidate_b"], row["shown_first"]


def _is_edge(row: Row) -> bool:
    """Whether it is part of a comparison of two; a list that was not confirmed is none."""
    asked = row["purpose"] in ("confirm", "triad")
    return asked or (row["purpose"] == "screen" and row["kind"] == "pairwise")


def _edges(rows: list[Row]) -> dict[frozenset[str], str | None]:
    """Each compared pair with its winner; None where neither won."""
    edges: dict[frozenset[str], str | None] = {}
    for (a, b), verdicts in comparisons(rows, None).items():
        outcome = by_judge(verdicts).outcome
        edges[frozenset((a, b))] = {"a": a, "b": b}.get(outcome)
    return edges
