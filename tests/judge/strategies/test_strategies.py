"""Which candidates every strategy compares, by how many calls, and what it makes of bad judges."""

import random
from typing import Any, get_args

import pytest
from builders import candidate_row, prompt_row
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import ScriptedJudge, candidates, honest, letters, quality_of, run_strategy

from judge.config import JudgeConfig, Select
from judge.strategies import STRATEGIES
from rounds.verdicts import comparisons

SIZES = range(2, 10)
SEE_ALL = ["screen_confirm", "listwise", "tournament", "round_robin", "questions"]
EVERY = list(STRATEGIES)


def first_shown(field: str, shown: list[int]) -> Any:
    return {"score": shown[0], "verdict": "A", "ranking": letters(range(len(shown)))}[field]


def only_scores(field: str, shown: list[int]) -> Any:
    return shown[0] if field == "score" else None


def silent(field: str, shown: list[int]) -> Any:
    return None


def better_shown_first(field: str, shown: list[int]) -> Any:
    """Honest, but says nothing in one of two orders."""
    return honest(field, shown) if field == "score" or shown[0] > shown[-1] else None


def test_the_config_names_every_strategy():
    assert set(get_args(JudgeConfig.model_fields["strategy"].annotation)) == STRATEGIES.keys()


def calls(name: str, n: int) -> set[int]:
    """What the strategies' own docstrings say."""
    both_ends = 2 * (n // 2 + 2 * ((n + 1) // 2 - 1))
    return {
        "screen_confirm": {n + 2},
        "listwise": {2},
        "tournament": {both_ends, both_ends + 2} if n > 2 else {2},
        "random_pair": {2},
        "round_robin": {n * (n - 1)},
        "pairwise": {2} if n == 2 else {0},
        "questions": {n + 3},
    }[name]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("n", SIZES)
def test_a_strategy_makes_the_calls_that_it_says(name: str, n: int):
    seen = run_strategy(name, honest, candidates(range(1, n + 1)))
    assert len(seen.questions) == len(seen.rows)
    assert len(seen.questions) in calls(name, n)
    assert len(seen.questions) <= STRATEGIES[name].most_calls(n, Select(), 1)
    assert len({(field, *shown) for field, shown in seen.questions}) == len(
        seen.questions
    )  # none twice


@pytest.mark.parametrize("name", SEE_ALL)
@pytest.mark.parametrize("n", SIZES)
def test_an_honest_judge_finds_the_best_and_the_worst(name: str, n: int):
    rows = candidates(random.Random(n).sample(range(1, 11), n))
    qualities = [quality_of(row) for row in rows]
    assert run_strategy(name, honest, rows).decided == [(max(qualities), min(qualities))]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("judge", [first_shown, better_shown_first, only_scores, silent])
def test_a_judge_that_follows_the_order_or_fails_in_one_labels_nothing(
    name: str, n: int, judge: ScriptedJudge
):
    seen = run_strategy(name, judge, candidates(range(1, n + 1)))
    assert seen.decided == []
    assert len(seen.questions) <= STRATEGIES[name].most_calls(n, Select(), 1)


@pytest.mark.parametrize("name", ["screen_confirm", "tournament", "random_pair"])
def test_a_comparison_that_follows_the_order_is_a_flip(name: str):
    settled = run_strategy(name, first_shown, candidates(range(1, 6))).settled.values()
    assert {(one.outcome, one.reason) for one in settled} == {("abstain", "flip")}


@pytest.mark.parametrize("name", EVERY)
def test_every_confirmed_comparison_was_asked_in_both_orders(name: str):
    for number in range(8):
        prompt = prompt_row(f"prompt {number}")
        seen = run_strategy(
            name, honest, candidates([5, 2] if name == "pairwise" else [3, 1, 4, 2], prompt)
        )
        (rows,) = comparisons(seen.rows).values()
        assert [row["shown_first"] for row in rows] in (["a", "b"], ["b", "a"])


def test_best_and_worst_that_have_met_are_not_asked_again():
    calls_made = set()
    for number in range(20):
        prompt = prompt_row(f"prompt {number}")
        seen = run_strategy("tournament", honest, candidates([3, 1, 4, 2], prompt), prompt)
        met = {row["purpose"] for row in seen.rows if row["kind"] == "pairwise"}
        assert "confirm" in met and seen.decided == [(4, 1)]
        assert len(seen.questions) == 8 or [*seen.settled] == [(4, 1)]  # asked best against worst
        calls_made.add(len(seen.questions))
    assert calls_made == {8, STRATEGIES["tournament"].most_calls(4, Select(), 1)}


def test_a_candidate_that_comes_out_best_and_worst_is_not_compared_with_itself():
    def circular(field: str, shown: list[int]) -> str:
        return "A" if (shown[0] - shown[1]) % 3 == 1 else "B"

    seen = run_strategy("tournament", circular, candidates([1, 2, 3]))
    assert len(seen.questions) == 6 and seen.settled == {}


@pytest.mark.parametrize("name", ["tournament", "round_robin"])
def test_probabilities_choose_what_is_compared_and_label_nothing(name: str):
    def leaning(field: str, shown: list[int]) -> dict[str, float]:
        ahead = 0.6 + 0.02 * (shown[0] - shown[1])  # never below one half: always the first
        return {"A": ahead, "B": 1 - ahead}

    for number in range(8):
        prompt = prompt_row(f"prompt {number}")
        seen = run_strategy(name, leaning, candidates([3, 1, 4, 2, 5], prompt), prompt)
        ((pair, settled),) = seen.settled.items()  # the others look alike
        assert set(pair) == {5, 1} and settled.reason == "flip"
        if name == "tournament" and len(seen.questions) == 14:  # asked best against worst
            assert pair == (5, 1)
        assert settled.probability == pytest.approx(0.58 if pair == (5, 1) else 0.42)


def test_a_list_is_shown_again_in_reverse():
    seen = run_strategy("listwise", honest, candidates(range(1, 8)))
    (_, first), (_, second) = seen.questions
    assert first == second[::-1] and sorted(first) == list(range(1, 8))
    assert [[quality_of(one) for one in row["shown"]] for row in seen.rows] == [first, second]


def test_two_rankings_with_the_same_ends_confirm_them():
    seen = run_strategy("listwise", honest, candidates(range(1, 8)))
    assert [row["purpose"] for row in seen.rows] == ["confirm", "confirm"]
    assert seen.decided == [(7, 1)]


def swaps_the_best(field: str, shown: list[int]) -> Any:
    """Honest, but takes the second best for the best when that one is shown before it."""
    order = sorted(shown, reverse=True)
    if field == "ranking" and shown.index(order[1]) < shown.index(order[0]):
        order[:2] = order[1], order[0]
    return letters(map(shown.index, order)) if field == "ranking" else honest(field, shown)


def test_rankings_with_different_ends_are_confirmed_pairwise():
    seen = run_strategy("listwise", swaps_the_best, candidates(range(1, 8)))
    assert [row["purpose"] for row in seen.rows] == ["screen"] * 2 + ["confirm"] * 2
    assert [field for field, _ in seen.questions] == ["ranking"] * 2 + ["verdict"] * 2
    ((better, worse),) = seen.decided
    assert better in (6, 7) and worse == 1


def test_one_of_a_jury_ranks_and_all_of_it_confirms():
    seen = run_strategy("listwise", honest, candidates(range(1, 8)), jury=2)
    assert [field for field, _ in seen.questions] == ["ranking"] * 2 + ["verdict"] * 4
    assert len(seen.questions) == STRATEGIES["listwise"].most_calls(7, Select(tries=1), 2)
    assert seen.decided == [(7, 1)]


@pytest.mark.parametrize(
    "ranking", [["A", "B"], ["A", "B", "B"], ["A", "B", "D"], ["C", "B", "A", "A"], "CBA", [1, 2]]
)
def test_a_ranking_that_is_no_permutation_is_off_the_menu(ranking: Any):
    def judge(field: str, shown: list[int]) -> Any:
        return honest(field, shown) if shown[0] > shown[-1] else ranking

    seen = run_strategy("listwise", judge, candidates(range(1, 4)))
    assert sorted(row["reason"] or "" for row in seen.rows) == ["", "off_menu"]
    assert seen.settled == {} and len(seen.questions) == 2


@pytest.mark.parametrize("name", ["screen_confirm", "listwise", "round_robin"])
def test_several_pairs_of_a_prompt_share_no_candidate(name: str):
    seen = run_strategy(name, honest, candidates(range(1, 9)), select=Select(pairs=3))
    assert seen.decided == [(8, 1), (7, 2), (6, 3)]
    assert len(seen.questions) <= STRATEGIES[name].most_calls(8, Select(pairs=3), 1)


def test_a_candidate_without_a_score_is_not_compared():
    def judge(field: str, shown: list[int]) -> Any:
        return None if field == "score" and shown[0] in (1, 6) else honest(field, shown)

    assert run_strategy("screen_confirm", judge, candidates(range(1, 7))).decided == [(5, 2)]


def test_candidates_that_look_alike_cost_no_comparison():
    seen = run_strategy("screen_confirm", lambda field, shown: 5, candidates(range(1, 7)))
    assert len(seen.questions) == 6 and seen.settled == {}


@pytest.mark.parametrize("name", EVERY)
def test_answers_not_worth_paying_for_are_not_asked_about(name: str):
    good = candidates([4, 7])
    poor = [
        candidate_row(prompt_row(), "quality 9", 20, finish="length"),
        candidate_row(prompt_row(), " \n", 21),
        candidate_row(prompt_row(), "quality 4", 22),
    ]
    seen = run_strategy(name, honest, [*good, *poor])
    assert {quality for _, shown in seen.questions for quality in shown} == {4, 7}
    assert seen.decided == [(7, 4)]
    assert run_strategy(name, honest, [good[0], *poor]).rows == []


@settings(max_examples=30, deadline=None)
@given(st.permutations(list(range(1, 7))))
def test_the_order_of_the_rows_changes_no_label(order: list[int]):
    for name in SEE_ALL:
        assert run_strategy(name, honest, candidates(order)).decided == [(6, 1)]


@settings(max_examples=30, deadline=None)
@given(st.permutations(list(range(1, 6))))
def test_the_order_of_the_rows_changes_no_call_where_they_are_shuffled(order: list[int]):
    for name in ("random_pair", "tournament", "listwise"):
        seen, other = (
            run_strategy(name, honest, candidates(rows)) for rows in (order, sorted(order))
        )
        assert seen.questions == other.questions
        assert [row["verdict_id"] for row in seen.rows] == [row["verdict_id"] for row in other.rows]
