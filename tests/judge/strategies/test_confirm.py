"""The second chance: where a prompt's first comparison finds no pair, the next one is asked."""

import asyncio
from itertools import combinations

import pytest
from builders import both, candidate_row, prompt_row
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import StrategyRun, candidates, honest_but_for, run_strategy

from judge.config import Select
from judge.strategies import STRATEGIES
from judge.strategies.confirm import until_found
from judge.strategies.select import Scored
from rounds.rows import Candidate, Verdict

NAMES = ["screen_confirm", "listwise", "round_robin"]
"""Strategies that select; listwise with a jury of two, which confirms whatever the rankings say."""

BEST, NEXT, THIRD = (6, 1), (5, 2), (4, 3)


def jury(name: str) -> int:
    return 2 if name == "listwise" else 1


def six(name: str, faults: dict[tuple[int, int], str], **select: int) -> StrategyRun:
    """Six candidates, judged rightly but for these comparisons."""
    given = Select.model_validate(select)
    seen = run_strategy(
        name, honest_but_for(faults), candidates(range(1, 7)), jury=jury(name), select=given
    )
    assert len(seen.questions) <= STRATEGIES[name].most_calls(6, given, jury(name))
    return seen


def compared(seen: StrategyRun) -> list[tuple[int, int]]:
    return [(max(pair), min(pair)) for pair in seen.settled]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", ["flip", "refused", "turned"])
def test_where_the_first_is_undecided_or_reversed_two_others_have_a_chance(name: str, fault: str):
    seen = six(name, {BEST: fault})
    assert compared(seen) == [BEST, NEXT]
    assert seen.decided == ([BEST[::-1], NEXT] if fault == "turned" else [NEXT])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("faults", [{}, {BEST: "tie"}])
def test_after_a_decision_or_a_tie_nobody_has_a_chance(name: str, faults: dict):
    seen = six(name, faults, tries=3)
    assert compared(seen) == [BEST]
    assert seen.decided == ([] if faults else [BEST])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", ["flip", "refused", "turned"])
def test_one_try_asks_once(name: str, fault: str):
    seen = six(name, {BEST: fault}, tries=1)
    assert compared(seen) == [BEST]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("faults", "tries", "pairs"),
    [
        ({BEST: "flip", NEXT: "turned"}, 2, [BEST, NEXT]),
        ({BEST: "flip", NEXT: "turned"}, 3, [BEST, NEXT, THIRD]),
        ({BEST: "turned", NEXT: "refused"}, 9, [BEST, NEXT, THIRD]),
        ({BEST: "flip", NEXT: "tie"}, 3, [BEST, NEXT]),
        ({BEST: "flip"}, 3, [BEST, NEXT]),
    ],
)
def test_tries_are_the_most_comparisons_for_one_pair(name: str, faults: dict, tries: int, pairs):
    assert compared(six(name, faults, tries=tries)) == pairs


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("faults", "tries", "pairs"),
    [
        ({}, 2, [(8, 1), (7, 2)]),
        ({(8, 1): "flip"}, 2, [(8, 1), (7, 2), (6, 3)]),
        ({(7, 2): "turned"}, 2, [(8, 1), (7, 2), (6, 3)]),
        ({(8, 1): "flip", (7, 2): "turned"}, 2, [(8, 1), (7, 2), (6, 3), (5, 4)]),
        ({(8, 1): "flip", (6, 3): "flip"}, 2, [(8, 1), (7, 2), (6, 3), (5, 4)]),
        ({(8, 1): "flip", (7, 2): "flip"}, 1, [(8, 1), (7, 2)]),
        ({(8, 1): "tie"}, 2, [(8, 1), (7, 2)]),
        ({(8, 1): "flip", (7, 2): "tie"}, 2, [(8, 1), (7, 2)]),
    ],
)
def test_of_several_pairs_each_that_is_not_found_is_tried_again(name, faults, tries, pairs):
    select = Select(pairs=2, tries=tries)
    seen = run_strategy(
        name, honest_but_for(faults), candidates(range(1, 9)), jury=jury(name), select=select
    )
    assert compared(seen) == pairs
    found = [pair for pair in seen.decided if pair[0] > pair[1]]
    assert found == [pair for pair in pairs if pair not in faults] and len(found) <= 2
    assert len(seen.questions) <= STRATEGIES[name].most_calls(8, select, jury(name))


@pytest.mark.parametrize("name", ["screen_confirm", "listwise"])
@pytest.mark.parametrize(("pairs", "tries"), [(1, 1), (1, 2), (2, 1), (2, 2), (3, 3)])
def test_the_most_calls_are_those_of_a_judge_that_never_decides(name: str, pairs: int, tries: int):
    faults = dict.fromkeys(combinations(range(8, 0, -1), 2), "flip")
    select = Select(pairs=pairs, tries=tries)
    rows = candidates(range(1, 9))
    seen = run_strategy(name, honest_but_for(faults), rows, jury=jury(name), select=select)
    assert len(seen.questions) == STRATEGIES[name].most_calls(8, select, jury(name))


def test_a_second_chance_asks_two_calls_and_only_after_the_first():
    seen = six("screen_confirm", {BEST: "flip"})
    shown = [qualities for field, qualities in seen.questions if field == "verdict"]
    assert shown == [[6, 1], [1, 6], [5, 2], [2, 5]]
    assert len(six("screen_confirm", {}).questions) == 6 + 2


def test_the_second_chance_of_a_round_robin_costs_no_call():
    first, second = six("round_robin", {}), six("round_robin", {BEST: "flip"})
    assert len(first.questions) == len(second.questions) == len(second.rows) == 30
    used = [row["purpose"] for row in first.rows].count("confirm")
    assert (used, [row["purpose"] for row in second.rows].count("confirm")) == (2, 4)


def test_two_rankings_with_the_same_ends_need_no_second_chance():
    seen = run_strategy("listwise", honest_but_for({BEST: "flip"}), candidates(range(1, 7)))
    assert len(seen.questions) == 2 and seen.decided == [BEST]


def test_those_that_look_alike_have_no_second_chance():
    def judge(field: str, shown: list[int]) -> object:
        said = honest_but_for({(9, 1): "flip"})(field, shown)
        return 5 if field == "score" and shown[0] in (4, 5, 6) else said

    seen = run_strategy("screen_confirm", judge, candidates([4, 9, 5, 1, 6]))
    assert compared(seen) == [(9, 1)] and len(seen.questions) == 5 + 2


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 9), max_size=9),
    st.lists(st.sampled_from(["right", "turned", "tie", "flip"]), min_size=9, max_size=9),
    st.integers(1, 3),
    st.integers(1, 3),
)
def test_whatever_is_said_no_candidate_is_asked_about_twice_and_no_pair_is_one_too_many(
    scores: list[int], said: list[str], pairs: int, tries: int
):
    prompt = prompt_row()
    rows = [candidate_row(prompt, str(place), place) for place in range(len(scores))]
    asked: list[tuple[int, int, str]] = []

    async def compare(a: Candidate, b: Candidate) -> list[Verdict]:
        asked.append((a["index"], b["index"], said[len(asked)]))
        outcomes = {"right": "aa", "turned": "bb", "tie": ["tie", "tie"], "flip": "ab"}
        return both(a, b, *outcomes[asked[-1][2]])

    scored = [Scored(row, score) for row, score in zip(rows, scores, strict=True)]
    found = asyncio.run(until_found(compare, scored, Select(pairs=pairs, tries=tries)))
    assert len(found) == 2 * len(asked) <= 2 * pairs * tries
    places = [place for a, b, _ in asked for place in (a, b)]
    assert len(set(places)) == len(places)
    assert all(scores[a] > scores[b] for a, b, _ in asked)
    outcomes = [outcome for _, _, outcome in asked]
    assert outcomes.count("right") <= pairs
    if len(asked) < pairs * tries and outcomes.count("right") < pairs and "tie" not in outcomes:
        left = {score for place, score in enumerate(scores) if place not in places}
        assert len(left) < 2
