"""What the two verdicts of one comparison, one in each order, amount to."""

from typing import Any, NamedTuple

from rounds.tables import Row


class Settled(NamedTuple):
    """The outcome of a comparison: a, b, tie, or abstain with its reason."""

    outcome: str
    reason: str | None
    verdict_ids: list[str]
    judge_id: str


def settle(verdicts: list[Row]) -> Settled:
    """Both orders must say the same, or nobody has won.

    `verdicts` are the two rows of a comparison. A failure in either order abstains with that
    failure's reason; two orders that differ in any way abstain as a flip.
    """
    ids = [row["verdict_id"] for row in verdicts]
    judge_id = verdicts[0]["judge_id"]
    outcomes = {row["outcome"] for row in verdicts}
    if "abstain" in outcomes:
        reason = next(row["reason"] for row in verdicts if row["outcome"] == "abstain")
        return Settled("abstain", reason, ids, judge_id)
    if {row["shown_first"] for row in verdicts} != {"a", "b"}:
        return Settled("abstain", "one_order_only", ids, judge_id)
    if len(outcomes) > 1:
        return Settled("abstain", "flip", ids, judge_id)
    return Settled(outcomes.pop(), None, ids, judge_id)


def comparisons(verdicts: list[Row]) -> dict[tuple[Any, Any], list[Row]]:
    """Pairwise verdict rows grouped by the two candidates they compare, in order of appearance."""
    grouped: dict[tuple[Any, Any], list[Row]] = {}
    for row in verdicts:
        if row["kind"] == "pairwise":
            grouped.setdefault((row["candidate_a"], row["candidate_b"]), []).append(row)
    return grouped
