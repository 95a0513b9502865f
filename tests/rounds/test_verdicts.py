"""What two verdicts amount to: every combination."""

from itertools import product

import pytest
from builders import both, candidate_row, prompt_row, scored, verdict_row

from rounds.rows import Candidate, Verdict
from rounds.verdicts import comparisons, margin, screen_scores, settle, win_probability

A, B, C = (candidate_row(prompt_row(), text, index) for index, text in enumerate("abc"))


@pytest.mark.parametrize("outcome", ["a", "b", "tie"])
def test_two_orders_that_agree_decide(outcome: str):
    settled = settle(both(A, B, outcome, outcome))
    assert (settled.outcome, settled.reason) == (outcome, None)


@pytest.mark.parametrize(
    "orders", [pair for pair in product(["a", "b", "tie"], repeat=2) if pair[0] != pair[1]]
)
def test_two_orders_that_differ_decide_nothing(orders: tuple[str, str]):
    settled = settle(both(A, B, *orders))
    reason = "undecided_in_one_order" if "tie" in orders else "flip"
    assert (settled.outcome, settled.reason) == ("abstain", reason)


@pytest.mark.parametrize("other", ["a", "b", "tie", "abstain"])
@pytest.mark.parametrize("failed_first", [True, False])
def test_a_failure_in_either_order_abstains_with_its_reason(other: str, failed_first: bool):
    orders = ("abstain", other) if failed_first else (other, "abstain")
    settled = settle(both(A, B, *orders, reason="refused"))
    assert (settled.outcome, settled.reason) == ("abstain", "refused")


@pytest.mark.parametrize("shown_first", ["a", "b"])
def test_one_order_decides_nothing(shown_first: str):
    row = verdict_row(A, B, shown_first=shown_first, outcome="a")
    assert settle([row])[:2] == ("abstain", "one_order_only")
    assert settle([row, row])[:2] == ("abstain", "one_order_only")


def test_what_was_settled_names_its_verdicts_and_judge():
    rows = both(A, B, "a", "a")
    settled = settle(rows)
    assert settled.verdict_ids == [row["verdict_id"] for row in rows]
    assert settled.judge_id == "desk/m"


def test_comparisons_are_grouped_by_candidates_without_the_scores():
    rows = both(A, B, "a", "b")
    mixed = [scored(A, 3.0), rows[0], scored(B, 2.0), rows[1]]
    assert comparisons(mixed) == {(A["candidate_id"], B["candidate_id"]): rows}


def match(a: Candidate, b: Candidate, first: str, second: str, **given: object) -> list[Verdict]:
    """A comparison that a screen made."""
    return [row | {"purpose": "screen"} | given for row in both(a, b, first, second)]


def ranked(*candidates: Candidate, purpose: str = "screen") -> Verdict:
    """A ranking, best first."""
    ids = [row["candidate_id"] for row in candidates]
    said = {"kind": "listwise", "ranking": ids, "shown_first": "a", "outcome": "a"}
    return verdict_row(candidates[0], candidates[-1], purpose=purpose, **said)


def named(scores: dict[str, float]) -> dict[str, float]:
    names = {row["candidate_id"]: row["text"] for row in (A, B, C)}
    return {names[one]: score for one, score in scores.items()}


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        (("a", "a"), 1.0),
        (("b", "b"), 0.0),
        (("a", "b"), 0.5),
        (("tie", "a"), 0.75),
        (("abstain", "b"), 0.25),
        (("abstain", "abstain"), 0.5),
    ],
)
def test_the_chance_is_the_mean_of_both_orders_and_nothing_said_counts_half(orders, expected):
    assert win_probability(both(A, B, *orders)) == expected


def test_the_chance_follows_the_probability_where_there_is_one():
    first, second = both(A, B, "a", "a")
    assert win_probability([first | {"probability": 0.6}, second | {"probability": 0.0}]) == 0.3
    assert win_probability([first | {"probability": 0.6}, second]) == 0.8


def test_screen_scores_are_the_scores_where_each_was_scored():
    rows = [scored(A, 7.5), scored(B, 2), scored(C, None, "refused"), *both(B, A, "a", "a")]
    assert named(screen_scores(rows)) == {"a": 7.5, "b": 2}


@pytest.mark.parametrize("purpose", ["screen", "confirm"])
def test_screen_scores_of_rankings_are_mean_places_from_below(purpose: str):
    rows = [ranked(A, B, C, purpose=purpose), ranked(B, A, C, purpose=purpose)]
    assert named(screen_scores(rows)) == {"a": 1.5, "b": 1.5, "c": 0}
    failed = rows[1] | {"ranking": None, "candidate_a": None, "candidate_b": None}
    assert named(screen_scores([rows[0], failed])) == {"a": 2, "b": 1, "c": 0}


def test_screen_scores_of_matches_are_mean_chances_without_the_confirmed_ones():
    rows = [*match(A, B, "a", "a"), *match(C, A, "a", "b"), *both(B, C, "a", "a")]
    assert named(screen_scores(rows)) == {"a": 0.75, "b": 0, "c": 0.5}
    assert screen_scores(both(A, B, "a", "a")) == {}
    sure = match(A, B, "a", "b", probability=0.7)
    assert named(screen_scores(sure)) == pytest.approx({"a": 0.7, "b": 0.3})


def test_the_margin_is_that_of_the_chosen_and_none_where_one_has_no_score():
    assert margin({"x": 3, "y": 1.5}, "x", "y") == 1.5
    assert margin({"x": 3, "y": 1.5}, "y", "x") == -1.5
    assert margin({"x": 0, "y": 0}, "x", "y") == 0
    assert margin({"x": 3}, "x", "y") is margin({"x": 3}, "y", "x") is margin({}, "x", "y") is None


def test_a_probability_in_one_order_only_reaches_no_threshold():
    rows = [row | {"threshold": 0.99} for row in both(A, B, "a", "a")]
    rows[0]["probability"] = 0.995
    assert settle(rows)[:2] == ("abstain", "missing_logprobs")
    assert settle([row | {"probability": 0.995} for row in rows]).outcome == "a"
