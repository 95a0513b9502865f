"""What the verdicts on one comparison amount to.

A comparison is judged by one judge or a jury (level 0) and, where these could not decide, by the
judges of an appeal (level 1). Each judge sees both orders.
"""

from collections.abc import Iterable
from statistics import fmean
from typing import Any, NamedTuple

from rounds.tables import Row


class Settled(NamedTuple):
    """The outcome of a comparison: a, b, tie, or abstain with its reason.

    `probability` is that of a, averaged over orders (and over the judges that give one).
    """

    outcome: str
    reason: str | None
    verdict_ids: list[str]
    judge_id: str
    probability: float | None = None


def settle(verdicts: list[Row]) -> Settled:
    """The outcome that the rows of one comparison support, or an abstention.

    The lowest level that decides counts; a tie is a decision. On a level more than half of its
    judges must say the same.
    """
    levels = sorted({row["level"] or 0 for row in verdicts})
    first: Settled | None = None
    for level in levels:
        found = _majority([row for row in verdicts if (row["level"] or 0) == level])
        if found.outcome != "abstain":
            return found
        first = first or found
    assert first is not None, "a comparison has at least one verdict"
    return first


def comparisons(
    verdicts: Iterable[Row], purpose: str | None = "confirm"
) -> dict[tuple[Any, Any], list[Row]]:
    """Verdict rows on two candidates, grouped by the two, in order of appearance.

    Those made to confirm a pair, unless another purpose is given; None takes all of them.
    """
    grouped: dict[tuple[Any, Any], list[Row]] = {}
    for row in verdicts:
        if row["candidate_b"] is not None and purpose in (None, row["purpose"]):
            grouped.setdefault((row["candidate_a"], row["candidate_b"]), []).append(row)
    return grouped


def chance(verdicts: list[Row]) -> float:
    """The mean chance of a over the rows of one comparison; a tie or an abstention counts half.

    It chooses what is compared next and is never a label.
    """
    points = {"a": 1.0, "b": 0.0}
    return fmean(
        points.get(row["outcome"], 0.5) if row["probability"] is None else row["probability"]
        for row in verdicts
    )


def screen_scores(verdicts: list[Row]) -> dict[str, float]:
    """How good each candidate looked before the confirmation: by candidate id, higher is better.

    Its score, its mean place from below in the rankings, or its mean chance to win a match.
    """
    found: dict[str, list[float]] = {}
    for row in verdicts:
        if row["kind"] == "pointwise" and row["score"] is not None:
            found.setdefault(row["candidate_a"], []).append(row["score"])
        for place, name in enumerate(reversed(row["ranking"] or [])):
            found.setdefault(name, []).append(float(place))
    for (a, b), rows in comparisons(verdicts, "screen").items():
        if rows[0]["kind"] == "pairwise":
            found.setdefault(a, []).append(chance(rows))
            found.setdefault(b, []).append(1 - chance(rows))
    return {name: fmean(values) for name, values in found.items()}


def margin(scores: dict[str, float], chosen: str, rejected: str) -> float | None:
    """How far the screen preferred the chosen one, below 0 where it preferred the other."""
    high, low = scores.get(chosen), scores.get(rejected)
    return None if high is None or low is None else high - low


def reverses(scores: dict[str, float], pair: tuple[str, str], outcome: str) -> bool:
    """Whether the outcome (a or b) of a comparison contradicts the screen: that labels nothing."""
    chosen, rejected = pair if outcome == "a" else pair[::-1]
    preferred = margin(scores, chosen, rejected)
    return preferred is not None and preferred < 0


def by_judge(verdicts: list[Row]) -> Settled:
    """One judge's verdicts in both orders: they must say the same, or nobody has won.

    A failure in either order abstains with that failure's reason; orders that differ abstain as a
    flip. Where both orders carry a probability the two are averaged, and the winner's must reach
    the threshold; with a probability in one order only, nothing says that it does. A judge that
    sees no order (a person, a function) needs one verdict only.
    """
    ids = [row["verdict_id"] for row in verdicts]
    judge_id = verdicts[0]["judge_id"]
    outcomes = {row["outcome"] for row in verdicts}
    if "abstain" in outcomes:
        reason = next(row["reason"] for row in verdicts if row["outcome"] == "abstain")
        return Settled("abstain", reason, ids, judge_id)
    if {row["shown_first"] for row in verdicts} not in ({"a", "b"}, {None}):
        return Settled("abstain", "one_order_only", ids, judge_id)
    probability = _mean(verdicts)
    if len(outcomes) > 1:
        return Settled("abstain", "flip", ids, judge_id, probability)
    outcome = outcomes.pop()
    sure_of = sum(row["probability"] is not None for row in verdicts)
    if outcome in ("a", "b") and 0 < sure_of < len(verdicts):
        return Settled("abstain", "missing_logprobs", ids, judge_id)
    if outcome in ("a", "b") and probability is not None:
        sure = probability if outcome == "a" else 1 - probability
        if sure < (verdicts[0]["threshold"] or 0.5):
            return Settled("abstain", "below_threshold", ids, judge_id, probability)
    return Settled(outcome, None, ids, judge_id, probability)


def _majority(verdicts: list[Row]) -> Settled:
    judges: dict[str, list[Row]] = {}
    for row in verdicts:
        judges.setdefault(row["judge_id"], []).append(row)
    voices = [by_judge(rows) for rows in judges.values()]
    if len(voices) == 1:
        return voices[0]
    ids = [row["verdict_id"] for row in verdicts]
    jury = " + ".join(judges)
    given = [voice.probability for voice in voices if voice.probability is not None]
    probability = sum(given) / len(given) if given else None
    for outcome in ("a", "b", "tie"):
        if 2 * sum(voice.outcome == outcome for voice in voices) > len(voices):
            return Settled(outcome, None, ids, jury, probability)
    return Settled("abstain", "no_majority", ids, jury, probability)


def _mean(verdicts: list[Row]) -> float | None:
    """The probability of a, each order counting alike; None unless every verdict carries one."""
    orders: dict[Any, list[float]] = {}
    for row in verdicts:
        if row["probability"] is None:
            return None
        orders.setdefault(row["shown_first"], []).append(row["probability"])
    means = [sum(values) / len(values) for values in orders.values()]
    return sum(means) / len(means)
