"""Which candidates are compared, by their scores."""

import random
from typing import Any

import pytest
from builders import candidate_row, prompt_row
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from judge.asking.questions import shuffle, usable
from judge.config import Select
from judge.strategies.select import Scored, choose

PROMPT = prompt_row()

RULES = ["best_worst", "best_random", "best_sigma", "margin_band"]


def scored(*scores: float) -> list[Scored]:
    """Candidates with these scores."""
    rows = (candidate_row(PROMPT, str(index), index) for index in range(len(scores)))
    return [Scored(row, score) for row, score in zip(rows, scores, strict=True)]


def chosen(scores: tuple[float, ...], most: int = 1, **select: Any) -> list[tuple[int, int]]:
    """The comparisons, as places among the candidates."""
    pairs = choose(scored(*scores), Select.model_validate(select), most)
    return [(better["index"], worse["index"]) for better, worse in pairs]


@pytest.mark.parametrize(
    ("scores", "pair"),
    [
        ((3, 9, 1, 5), (1, 2)),
        ((9, 9, 1, 1), (0, 2)),
        ((1, 1, 9, 9), (2, 0)),
        ((1, 9), (1, 0)),
        ((0, -1), (0, 1)),
        ((6.5, 6.25), (0, 1)),
        ((0.0, 0.5, 0.25), (1, 0)),
    ],
)
def test_the_farthest_apart_are_compared_and_the_earlier_among_equals(
    scores: tuple[float, ...], pair: tuple[int, int]
) -> None:
    assert chosen(scores) == [pair]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("scores", [(5, 5, 5), (5,), (), (0.0, 0.0)])
def test_without_a_difference_nothing_is_compared(rule: str, scores: tuple[float, ...]) -> None:
    assert chosen(scores, rule=rule, most=3, min_margin=0, band=(0, 9)) == []


@pytest.mark.parametrize("rule", ["best_worst", "best_random", "best_sigma"])
def test_a_difference_below_the_smallest_margin_is_none(rule: str) -> None:
    assert chosen((5.24, 5.0), rule=rule) == []
    assert chosen((5.25, 5.0), rule=rule) == [(0, 1)]
    assert chosen((5.25, 5.0), rule=rule, min_margin=0.5) == []
    assert chosen((5.01, 5.0), rule=rule, min_margin=0) == [(0, 1)]
    assert chosen((5.0, 5.0), rule=rule, min_margin=0) == []


def test_several_comparisons_of_a_prompt_share_no_candidate() -> None:
    assert chosen((9, 1, 8, 2, 7, 3), most=2) == [(0, 1), (2, 3)]
    assert chosen((9, 1, 8, 2, 7, 3), most=9) == [(0, 1), (2, 3), (4, 5)]
    assert chosen((9, 1, 5), most=2) == [(0, 1)]
    assert chosen((9, 1, 5, 5), most=2) == [(0, 1)]


def test_best_random_takes_the_best_and_any_other_the_same_each_time() -> None:
    scores = (9.0, *(float(place) for place in range(8)))
    (pair,) = chosen(scores, rule="best_random")
    assert pair[0] == 0 and chosen(scores, rule="best_random") == [pair]
    worse = set()
    for number in range(40):
        prompt = prompt_row(f"prompt {number}")
        rows = [candidate_row(prompt, str(index), index) for index in range(4)]
        four = [Scored(row, score) for row, score in zip(rows, (9, 1, 2, 3), strict=True)]
        ((best, other),) = choose(four, Select(rule="best_random"), 1)
        assert best["index"] == 0
        worse.add(other["index"])
    assert worse == {1, 2, 3}


def test_best_sigma_takes_the_one_nearest_to_two_deviations_below_the_mean() -> None:
    scores = (9.0, 8.0, 7.0, 6.0, 5.0, -20.0)  # mean 2.5, deviation 10.1: -17.7
    assert chosen(scores, rule="best_sigma") == [(0, 5)]
    many = (10.0, *[9.0] * 20, 5.0, 0.0)  # mean 8.5, deviation 2.0: 4.5
    assert chosen(many, rule="best_sigma") == [(0, 21)]
    assert chosen(many, rule="best_worst") == [(0, 22)]
    assert chosen((10.0, 9.9, 9.8), rule="best_sigma") == []


@pytest.mark.parametrize(
    ("scores", "band", "pairs"),
    [
        ((9, 5, 6, 1), (1.0, 4.0), [(0, 1)]),
        ((9, 6, 5, 1), (1.0, 4.0), [(0, 2)]),
        ((9, 5), (4.0, 6.0), [(0, 1)]),
        ((9, 5), (1.0, 4.0), [(0, 1)]),
        ((9, 5), (4.5, 6.0), []),
        ((9, 5), (1.0, 3.5), []),
        ((9, 9), (0.0, 3.5), []),
        ((9, 8, 1), (0.0, 3.5), [(0, 1)]),
        ((5, 9), (1.0, 4.0), [(1, 0)]),
    ],
)
def test_margin_band_takes_the_widest_pair_with_both_edges_inside(
    scores: tuple[float, ...], band: tuple[float, float], pairs: list[tuple[int, int]]
) -> None:
    assert chosen(scores, rule="margin_band", band=band) == pairs


def test_margin_band_finds_more_pairs_away_from_the_best() -> None:
    assert chosen((9, 5, 6, 3), rule="margin_band", band=(2.5, 4), most=3) == [(0, 1), (2, 3)]


@given(
    st.lists(st.integers(0, 40).map(lambda score: score / 4), max_size=8),
    st.sampled_from(RULES),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.25, 1.0]),
    st.sampled_from([(0.0, 3.0), (1.0, 4.0), (0.5, 0.5)]),
)
def test_what_is_chosen_always_differs_and_is_chosen_once(
    scores: list[float], rule: str, most: int, least: float, band: tuple[float, float]
) -> None:
    found = chosen(tuple(scores), rule=rule, most=most, min_margin=least, band=band)
    places = [place for pair in found for place in pair]
    assert len(found) <= most and len(set(places)) == len(places)
    for better, worse in found:
        margin = scores[better] - scores[worse]
        assert margin > 0
        if rule == "margin_band":
            assert band[0] <= margin <= band[1]
        else:
            assert margin >= least
            rest = [score for place, score in enumerate(scores) if place not in places]
            assert not rest or len(found) == most or max(rest) <= scores[better]
    if rule == "best_worst" and scores and max(scores) - min(scores) >= max(least, 0.25):
        better, worse = found[0]
        assert (scores[better], scores[worse]) == (max(scores), min(scores))


@given(st.permutations(range(6)))
def test_the_order_of_candidates_decides_only_among_equals(order: list[int]) -> None:
    ranked = scored(9, 7.5, 6, 4, 2, 1)
    shuffled = [ranked[place] for place in order]
    for rule in RULES:
        select = Select.model_validate({"rule": rule})
        if rule in ("best_worst", "best_sigma"):
            assert choose(shuffled, select, 2) == choose(ranked, select, 2)
        assert len(choose(shuffled, select, 2)) == 2


def test_cut_off_empty_and_repeated_answers_are_not_paid_for() -> None:
    texts = ("x", "y", "x", "", " \n")
    rows = [candidate_row(PROMPT, text, index) for index, text in enumerate(texts)]
    cut = candidate_row(PROMPT, "cut", 9, finish="length")
    assert [row["index"] for row in usable([*rows, cut])] == [0, 1]


def test_a_cut_off_answer_does_not_hide_a_finished_one_of_the_same_text() -> None:
    cut = candidate_row(PROMPT, "x", 0, finish="length")
    whole = candidate_row(PROMPT, "x", 1)
    assert usable([cut, whole]) == [whole]


def test_a_list_is_shuffled_by_what_it_holds_alone() -> None:
    rows = [candidate_row(PROMPT, str(index), index) for index in range(8)]
    again = random.Random(1).sample(rows, 8)
    assert shuffle(PROMPT, rows) == shuffle(PROMPT, again) != rows
    assert sorted(row["index"] for row in shuffle(PROMPT, rows)) == list(range(8))
    other = prompt_row("Another?")
    orders = {tuple(row["index"] for row in shuffle(each, rows)) for each in (PROMPT, other)}
    assert len(orders) == 2


def of_sources(**scores: tuple[float, ...]) -> list[Scored]:
    """Candidates of named sources with these scores."""
    given = [(name, score) for name, values in scores.items() for score in values]
    rows = scored(*(score for _, score in given))
    return [
        Scored(row.candidate | {"source": name}, row.score)
        for row, (name, _) in zip(rows, given, strict=True)
    ]


DELTA = Select.model_validate({"rule": "delta", "delta": {"better": "large", "worse": "small"}})


@pytest.mark.parametrize(
    ("scores", "pairs"),
    [
        ({"large": (5, 7), "small": (6, 2, 3), "current": (9, 1)}, [(1, 3), (0, 4)]),
        ({"small": (2,), "large": (5,)}, [(1, 0)]),
        ({"large": (5,), "small": (5,)}, []),
        ({"large": (5.2,), "small": (5,)}, []),
        ({"large": (2,), "small": (5, 9)}, []),
        ({"large": (2, 1), "current": (5, 1)}, []),
        ({"small": (2, 1), "current": (5, 1)}, []),
    ],
)
def test_the_best_of_the_stronger_source_meets_the_worst_of_the_weaker(scores, pairs):
    found = choose(of_sources(**scores), DELTA, 3)
    assert [(better["index"], worse["index"]) for better, worse in found] == pairs


@pytest.mark.parametrize(
    "select",
    [
        {"rule": "delta"},
        {"delta": {"better": "a", "worse": "b"}},
        {"rule": "delta", "delta": {"better": "a", "worse": "a"}},
    ],
)
def test_rule_delta_names_two_sources_and_no_other_rule_does(select):
    with pytest.raises(ValidationError, match="delta: names the two|both 'a'; name two"):
        Select.model_validate(select)
