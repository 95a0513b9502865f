"""A budget is never exceeded by even one call, and a continued run stops where it would have."""

import asyncio
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asking_all import ask_all, question
from scripted import Raw, completion

from endpoints.budget import Budget
from endpoints.headroom import Headroom
from endpoints.reply import Reply
from rounds.errors import UserError


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


@pytest.mark.parametrize("calls", [None, 1000])
def test_a_million_calls_take_little_memory(calls: int | None):
    budget = Budget(calls, None, None)
    tracemalloc.start()
    try:
        for number in range(1000):
            budget.spend(spent(f"{number:064d}"))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < (1000 if calls is None else 110_000), "a key alone is 113 bytes, its place 33"


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
    budget.spend(spent("a", 10, cost=0.3))
    budget.in_flight = 1
    assert budget.exhausted is None
    budget.in_flight = 2
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


def priced(usage: dict[str, Any] | None) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda body: completion("yes") | {"usage": usage}


FLOATS = {"prompt_tokens": 500.0, "completion_tokens": 20.0, "total_tokens": 520.0}
PRICE = {"input": 100, "output": 900}
"""A call of FLOATS costs 0.068: 147 of them 9.996."""


def test_a_budget_of_ten_lets_through_what_ten_pays_for(endpoint, tmp_path: Path):
    at = endpoint(priced(FLOATS), delay=0.01)
    budget = Budget(None, None, 10.0)
    answers = ask_all(tmp_path, at, calls(336), budget=budget, price=PRICE, max_in_flight=64)
    assert len(at.requests) == 147
    assert sum(answer.cost for answer in answers) == pytest.approx(9.996)
    assert [answer.failure for answer in answers] == [None] * 147 + ["budget"] * 189
    assert budget.refused == "cost"


@pytest.mark.parametrize("tokens", [520, 1039, 1040])
def test_a_budget_of_tokens_is_not_overshot_by_what_is_sent_at_first(endpoint, tmp_path, tokens):
    """Nothing is known of a call before the first is answered: one goes alone."""
    at = endpoint(priced(FLOATS), delay=0.01)
    ask_all(tmp_path, at, calls(20), budget=Budget(None, tokens, None), max_in_flight=64)
    assert len(at.requests) == tokens // 520


def test_a_failed_call_does_not_make_the_next_ones_look_free(endpoint, tmp_path: Path):
    replies = iter([Raw(400), Raw(400)])
    at = endpoint(lambda body: next(replies, None) or priced(FLOATS)(body), delay=0.01)
    ask_all(tmp_path, at, calls(20), budget=Budget(None, 2080, None), max_in_flight=64)
    assert len(at.requests) == 2 + 4


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": 0, "completion_tokens": 0}])
def test_a_budget_refuses_an_endpoint_that_reports_nothing_at_its_first_answer(
    endpoint, tmp_path: Path, usage: Any
):
    at = endpoint(priced(usage))
    for _ in range(2):
        with pytest.raises(UserError, match=r"endpoint desk .* does not report .* estimates: true"):
            ask_all(tmp_path, at, calls(336), budget=Budget(None, 100, None), max_in_flight=64)
        assert len(at.requests) == 1, "what was paid is kept, and tells it the next time"
    (answer, *_) = ask_all(tmp_path, at, calls(1))
    assert (answer.text, answer.paid_now, answer.estimated) == ("yes", False, True)


def test_estimates_keep_a_budget_where_they_are_allowed(endpoint, tmp_path: Path):
    """A question of 30 bytes is about 14 tokens, "yes" is one: ten calls of the budget's 150."""
    at = endpoint(priced(None))
    posed = [(question(f"{number:030}"), "r") for number in range(40)]
    budget = Budget(None, 150, None, estimates=True)
    answers = ask_all(tmp_path, at, posed, budget=budget)
    assert len(at.requests) == 10 and all(answer.estimated for answer in answers[:10])


def test_a_reply_without_usage_among_others_is_estimated(endpoint, tmp_path: Path):
    at = endpoint(lambda body: priced(FLOATS if len(at.requests) % 5 else None)(body))
    answers = ask_all(tmp_path, at, calls(20), budget=Budget(None, 10**6, None), max_in_flight=1)
    assert sum(answer.estimated for answer in answers) == 4
    assert {answer.text for answer in answers} == {"yes"}


def test_each_endpoint_of_a_budget_has_to_report_what_it_used(endpoint, tmp_path: Path):
    """A jury shares one budget: that another of it reports is no account of this one."""
    reporting, budget = endpoint(lambda body: "yes"), Budget(None, 1000, None)
    ask_all(tmp_path, reporting, calls(2), budget=budget)
    silent = endpoint(lambda body: {**completion("yes"), "usage": None})
    with pytest.raises(UserError, match="does not report what a call used"):
        ask_all(tmp_path / "b", silent, calls(2), budget=budget)
    now_and_then = iter([completion("yes"), {**completion("yes"), "usage": None}])
    at = endpoint(lambda body: next(now_and_then))
    answers = ask_all(tmp_path / "c", at, calls(2), budget=budget, max_in_flight=1)
    assert [answer.text for answer in answers] == ["yes"] * 2


def test_a_prompt_that_needs_less_does_not_overtake_one_that_waits():
    """What is asked ahead of a stage, as prompts come, is what the stage would spend it on."""

    async def run() -> list[str]:
        headroom, began = Headroom(Budget(10, None, None)), []

        async def prompt(name: str, calls: int) -> None:
            assert await headroom.enter(calls)
            began.append(name)

        await headroom.enter(6)
        waits = asyncio.ensure_future(prompt("first", 6))
        await asyncio.sleep(0.01)
        comes = asyncio.ensure_future(prompt("second", 4))
        await asyncio.sleep(0.01)
        assert began == []
        await headroom.leave(6)
        await asyncio.gather(waits, comes)
        return began

    assert asyncio.run(run()) == ["first", "second"]
