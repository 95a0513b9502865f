"""What the verdicts on one comparison amount to.

A comparison is judged by one judge or a jury (level 0) and, where these could not decide, by the
judges of an appeal (level 1). Each judge sees both orders.
"""

from collections.abc import Iterable
from statistics import fmean
from typing import NamedTuple

from rounds.rows import Verdict

CandidateIds = tuple[str, str]
"""Ids of the two candidates of a comparison: a, then b."""

SETTLED_BY = (
    *("verdict_id", "prompt_id", "kind", "candidate_a", "candidate_b", "shown_first", "outcome"),
    *("reason", "score", "probability", "judge_id", "purpose", "level", "threshold", "ranking"),
)
"""The columns of a verdict row that settling a comparison reads."""


class Settled(NamedTuple):
    """The outcome of a comparison: a, b, tie, or abstain with its reason.

    `probability` is that of a, averaged over orders (and over the judges that give one).
    """

    outcome: str
    reason: str | None
    verdict_ids: list[str]
    judge_id: str
    probability: float | None = None


def settle(verdicts: list[Verdict]) -> Settled:
    """The outcome that the rows of one comparison, one at least, support, or an abstention.

    The lowest level that decides counts; a tie is a decision. On a level more than half of its
    judges must say the same.
    """
    levels = sorted({row["level"] or 0 for row in verdicts})
    by_level = [
        _majority([row for row in verdicts if (row["level"] or 0) == level]) for level in levels
    ]
    return next((settled for settled in by_level if settled.outcome != "abstain"), by_level[0])


def settle_one_judge(verdicts: list[Verdict]) -> Settled:
    """One judge's verdicts in both orders: they must say the same, or nobody has won.

    A failure in either order abstains with that failure's reason; orders that name different
    winners abstain as a flip, a tie in one of them alone as undecided_in_one_order. Where both
    orders carry a probability the two are averaged, and the winner's must reach the threshold; with
    a probability in one order only, nothing says that it does. A judge that sees no order (a
    person, a function) needs one verdict only.
    """
    ids = [row["verdict_id"] for row in verdicts]
    judge_id = verdicts[0]["judge_id"]
    outcomes = {row["outcome"] for row in verdicts}
    if "abstain" in outcomes:
        reason = next(row["reason"] for row in verdicts if row["outcome"] == "abstain")
        return Settled("abstain", reason, ids, judge_id)
    if {row["shown_first"] for row in verdicts} not in ({"a", "b"}, {None}):
        return Settled("abstain", "one_order_only", ids, judge_id)
    probability = _mean_probability(verdicts)
    if len(outcomes) > 1:
        reason = "flip" if outcomes >= {"a", "b"} else "undecided_in_one_order"
        return Settled("abstain", reason, ids, judge_id, probability)
    outcome = outcomes.pop()
    with_probability = sum(row["probability"] is not None for row in verdicts)
    if outcome in ("a", "b") and 0 < with_probability < len(verdicts):
        return Settled("abstain", "missing_logprobs", ids, judge_id)
    if outcome in ("a", "b") and probability is not None:
        of_winner = probability if outcome == "a" else 1 - probability
        if of_winner < (verdicts[0]["threshold"] or 0.5):
            return Settled("abstain", "below_threshold", ids, judge_id, probability)
    return Settled(outcome, None, ids, judge_id, probability)


def by_judge(verdicts: Iterable[Verdict]) -> dict[str, list[Verdict]]:
    """Verdict rows grouped by who gave them, both in order of appearance."""
    judges: dict[str, list[Verdict]] = {}
    for row in verdicts:
        judges.setdefault(row["judge_id"], []).append(row)
    return judges


def comparisons(
    verdicts: Iterable[Verdict], purpose: str | None = "confirm"
) -> dict[CandidateIds, list[Verdict]]:
    """Verdict rows on two candidates, grouped by the two, in order of appearance.

    Those made to confirm a pair, unless another purpose is given; None takes all of them.
    """
    grouped: dict[CandidateIds, list[Verdict]] = {}
    for row in verdicts:
        a, b = row["candidate_a"], row["candidate_b"]
        if a is not None and b is not None and purpose in (None, row["purpose"]):
            grouped.setdefault((a, b), []).append(row)
    return grouped


def win_probability(verdicts: list[Verdict]) -> float:
    """How likely a is better, over the rows of one comparison; a tie or an abstention counts half.

    It chooses what is compared next and is never a label.
    """
    without_logprobs = {"a": 1.0, "b": 0.0}
    return fmean(
        without_logprobs.get(row["outcome"], 0.5)
        if row["probability"] is None
        else row["probability"]
        for row in verdicts
    )


def screen_scores(verdicts: list[Verdict]) -> dict[str, float]:
    """How good each candidate looked before the confirmation: by candidate id, higher is better.

    Its score (by the answers that a summary gives, too), its mean place from below in the
    rankings, or its mean chance to win a match.
    """
    scores: dict[str, list[float]] = {}
    for row in verdicts:
        candidate, score = row["candidate_a"], row["score"]
        if row["kind"] in ("pointwise", "answers") and candidate is not None and score is not None:
            scores.setdefault(candidate, []).append(score)
        for place, ranked in enumerate(reversed(row["ranking"] or [])):
            scores.setdefault(ranked, []).append(float(place))
    for (a, b), rows in comparisons(verdicts, "screen").items():
        if rows[0]["kind"] == "pairwise":
            scores.setdefault(a, []).append(win_probability(rows))
            scores.setdefault(b, []).append(1 - win_probability(rows))
    return {candidate: fmean(values) for candidate, values in scores.items()}


def margin(scores: dict[str, float], chosen: str, rejected: str) -> float | None:
    """How far the screen preferred the chosen one, below 0 where it preferred the other."""
    high, low = scores.get(chosen), scores.get(rejected)
    return None if high is None or low is None else high - low


def reverses(scores: dict[str, float], compared: CandidateIds, outcome: str) -> bool:
    """Whether the outcome (a or b) of a comparison contradicts the screen: that labels nothing."""
    chosen, rejected = compared if outcome == "a" else compared[::-1]
    preferred = margin(scores, chosen, rejected)
    return preferred is not None and preferred < 0


def _majority(verdicts: list[Verdict]) -> Settled:
    """What more than half of the judges of one level say."""
    jury = by_judge(verdicts)
    votes = [settle_one_judge(rows) for rows in jury.values()]
    if len(votes) == 1:
        return votes[0]
    ids = [row["verdict_id"] for row in verdicts]
    judge_id = " + ".join(jury)
    given = [vote.probability for vote in votes if vote.probability is not None]
    probability = sum(given) / len(given) if given else None
    for outcome in ("a", "b", "tie"):
        if 2 * sum(vote.outcome == outcome for vote in votes) > len(votes):
            return Settled(outcome, None, ids, judge_id, probability)
    return Settled("abstain", "no_majority", ids, judge_id, probability)


def _mean_probability(verdicts: list[Verdict]) -> float | None:
    """The probability of a, each order counting alike; None unless every verdict carries one."""
    orders: dict[str | None, list[float]] = {}
    for row in verdicts:
        if row["probability"] is None:
            return None
        orders.setdefault(row["shown_first"], []).append(row["probability"])
    means = [sum(values) / len(values) for values in orders.values()]
    return sum(means) / len(means)
