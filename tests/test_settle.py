"""What two verdicts amount to: every combination."""

from itertools import product

import pytest
from builders import both, candidate_row, prompt_row, scored, verdict_row

from rounds.settle import comparisons, settle

A, B = (candidate_row(prompt_row(), text, index) for index, text in enumerate("ab"))


@pytest.mark.parametrize("outcome", ["a", "b", "tie"])
def test_two_orders_that_agree_decide(outcome: str):
    settled = settle(both(A, B, outcome, outcome))
    assert (settled.outcome, settled.reason) == (outcome, None)


@pytest.mark.parametrize(
    "orders", [pair for pair in product(["a", "b", "tie"], repeat=2) if pair[0] != pair[1]]
)
def test_two_orders_that_differ_are_a_flip(orders: tuple[str, str]):
    settled = settle(both(A, B, *orders))
    assert (settled.outcome, settled.reason) == ("abstain", "flip")


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
