"""A budget is never exceeded by even one call, and a continued run stops where it would have."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from asking_all import ask_all, question

from endpoints.budget import Budget
from endpoints.reply import Reply


def spent(key: str, tokens: int = 0, cost: float = 0.0, failure: str | None = None) -> Reply:
    return Reply(key, "", failure, tokens, 0, cost)


def calls(count: int) -> list[tuple[dict[str, Any], str]]:
    return [(question(str(i)), "r") for i in range(count)]


def test_exactly_as_many_calls_are_sent_as_the_budget_allows(endpoint, tmp_path: Path):
    at = endpoint(lambda body: "yes", delay=0.02)
    answers = ask_all(tmp_path, at, calls(20), budget=Budget(7, None, None), max_in_flight=8)
    assert len(at.requests) == 7
    assert [answer.failure for answer in answers] == [None] * 7 + ["budget"] * 13
    assert not any(answer.text or answer.cost for answer in answers[7:])


def test_answers_from_the_journal_count_and_are_given_in_any_case(endpoint, tmp_path: Path):
    at = endpoint(lambda body: "yes")
    ask_all(tmp_path, at, calls(5))
    budget = Budget(7, None, None)
    answers = ask_all(tmp_path, at, calls(20), budget=budget)
    assert sum(answer.failure is None for answer in answers) == 7
    assert len(at.requests) == 7 and budget.exhausted == "calls"
    again = ask_all(tmp_path, at, calls(7), budget=Budget(1, None, None))
    assert [answer.text for answer in again] == ["yes"] * 7


def test_one_budget_is_shared_by_several_streams(endpoint, tmp_path: Path):
    at, budget = endpoint(lambda body: "yes"), Budget(4, None, None)
    first = ask_all(tmp_path / "a", at, calls(3), budget=budget)
    second = ask_all(
        tmp_path / "b", at, [(question(f"b{i}"), "r") for i in range(3)], budget=budget
    )
    assert [answer.failure for answer in first + second] == [None] * 4 + ["budget"] * 2


@pytest.mark.parametrize(
    ("limits", "name"), [((2, None, None), "calls"), ((None, 20, None), "tokens")]
)
def test_the_limit_that_ran_out_is_named(limits: tuple, name: str):
    budget = Budget(*limits)
    budget.spend(spent("a", 10))
    assert budget.exhausted is None
    budget.spend(spent("b", 10))
    assert budget.exhausted == name


def test_what_is_under_way_counts_as_calls_of_the_mean_cost():
    budget = Budget(None, None, 1.0)
    budget.spend(spent("a", cost=0.3))
    budget.in_flight = 2
    assert budget.exhausted is None
    budget.in_flight = 3
    assert budget.exhausted == "cost"


def test_the_same_call_twice_or_never_sent_is_spent_once_or_not():
    budget = Budget(2, None, None)
    for answer in [spent("a"), spent("a"), spent("b", failure="budget")]:
        budget.spend(answer)
    assert budget.exhausted is None


def test_a_prompt_begins_only_where_all_its_calls_have_room():
    budget = Budget(10, None, None)
    assert budget.reserve(6)
    assert not budget.reserve(5)
    assert budget.refused == "calls" and budget.exhausted is None
    assert budget.reserve(4)


def test_tokens_and_cost_are_reserved_as_so_many_mean_calls():
    budget = Budget(None, 100, None)
    assert budget.reserve(1000), "nothing is known of a call yet"
    budget.release(1000)
    budget.spend(spent("a", 10))
    assert not budget.reserve(10)
    assert budget.reserve(9)


def test_what_a_prompt_spends_comes_out_of_its_own_reservation():
    """Two prompts at once of at most four calls, which take two each, in a budget of ten."""
    budget = Budget(10, None, None)
    headroom = []

    async def prompt(name: str) -> None:
        assert budget.reserve(4)
        for number in range(2):
            await asyncio.sleep(0)
            await asyncio.create_task(call(f"{name}{number}"))
        await asyncio.sleep(0.01)
        headroom.append(budget.reserve(2) and not budget.reserve(1))  # 4 spent, 4 reserved, 2 left

    async def call(key: str) -> None:
        budget.spend(spent(key))

    async def run() -> None:
        await asyncio.gather(prompt("a"), prompt("b"))

    asyncio.run(run())
    assert headroom[0]


def test_what_a_prompt_did_not_use_is_given_back():
    budget = Budget(10, None, None)
    for name in "abcd":
        assert budget.reserve(4)
        budget.spend(spent(f"{name}0"))
        budget.spend(spent(f"{name}1"))
        budget.release(4)
    assert not budget.reserve(3) and budget.reserve(2)
