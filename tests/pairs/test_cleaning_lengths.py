"""The length guard holds the mean length difference of a round's pairs within its bound."""

import random
from math import floor
from pathlib import Path
from typing import Any

import pytest
from builders import begun, candidate_row, confirmed, prompt_row
from hypothesis import given, settings
from hypothesis import strategies as st

from pairs.config import PairsConfig
from pairs.lengths import MIN_PAIRS, Lengths, dropped_by_guard, length_difference
from pairs.stage import build_pairs
from rounds.files import write_json
from rounds.tables import read_rows

BOUND = 0.25
SIZE = st.integers(1, 4000) | st.sampled_from([100, 300, 900])
SIZES = st.lists(st.tuples(SIZE, SIZE), max_size=60)


def lengths(sizes: list[tuple[int, int]]) -> list[Lengths]:
    return [Lengths(f"{name:04d}", *both) for name, both in enumerate(sizes)]


def without(pairs: list[Lengths], dropped: list[Lengths]) -> list[Lengths]:
    return [pair for pair in pairs if pair not in dropped]


@given(SIZES, st.floats(0.05, 2), st.randoms())
@settings(deadline=None)
def test_what_is_left_is_within_the_bound_in_any_order(sizes, bound: float, rng: random.Random):
    pairs = lengths(sizes)
    dropped = dropped_by_guard(pairs, bound, 1)
    left = length_difference(without(pairs, dropped))
    assert len(pairs) < MIN_PAIRS or left is None or abs(left) <= bound + 1e-9
    shuffled = rng.sample(pairs, len(pairs))
    assert set(dropped_by_guard(shuffled, bound, 1)) == set(dropped)


@given(SIZES)
@settings(deadline=None)
def test_pairs_within_the_bound_are_left_alone(sizes):
    pairs = lengths(sizes)
    if (before := length_difference(pairs)) is not None and abs(before) <= BOUND:
        assert dropped_by_guard(pairs, BOUND, 1) == []


@pytest.mark.parametrize("turned", [False, True])
def test_the_fewest_go_and_those_with_the_largest_excess(turned: bool):
    sizes = [(100, 100)] * 30 + [(500, 100)] * 10 + [(900, 100)] * 3
    if turned:  # the rejected are longer
        sizes = [(100, 100)] * 30 + [(10, 100)] * 20
    pairs = lengths(sizes)
    dropped = dropped_by_guard(pairs, BOUND, 1)
    for fewer in (dropped[:-1], dropped[1:]):
        assert abs(length_difference(without(pairs, fewer)) or 0) > BOUND
    if turned:
        assert {pair.chosen for pair in dropped} == {10}
    else:
        assert [pair.chosen for pair in dropped[:3]] == [900] * 3
    names = [pair.pair_id for pair in dropped if pair.chosen == dropped[-1].chosen]
    assert names == sorted(names) and len(names) < 20


def test_where_one_pair_tips_the_mean_to_the_other_side_that_is_held_as_well():
    pairs = lengths([(70, 100)] * 19 + [(5000, 100)])
    left = without(pairs, dropped_by_guard(pairs, BOUND, 1))
    assert left == []  # without the long one all are too short, by 30 %
    pairs = lengths([(70, 100)] * 19 + [(5000, 100)] + [(100, 100)] * 9)
    dropped = dropped_by_guard(pairs, BOUND, 1)
    assert [pair.pair_id for pair in dropped] == ["0019"]


def test_among_equals_the_smaller_id_goes_in_any_order():
    pairs = lengths([(200, 100)] * 20 + [(100, 100)] * 20)
    assert sorted(pair.pair_id for pair in dropped_by_guard(pairs[::-1], BOUND, 1)) == [
        f"{name:04d}" for name in range(14)
    ]


def test_a_few_pairs_and_no_bound_are_let_pass():
    assert dropped_by_guard(lengths([(900, 100)] * (MIN_PAIRS - 1)), BOUND, 1) == []
    assert dropped_by_guard(lengths([(900, 100)] * 50), None, 1) == []
    assert len(dropped_by_guard(lengths([(900, 100)] * MIN_PAIRS), BOUND, 1)) == MIN_PAIRS
    assert length_difference([]) is None


TOPICS = "oak elm ash fir yew bay fig sloe plum pear lime rose iris aster sage mint dill fern"
NAMES = TOPICS.split()


def round_of(run_dir: Path, long: int, number: int = 1) -> Path:
    """36 pairs; the chosen answers of the first `long` are much longer."""
    tables: dict[str, list[Any]] = {"prompts": [], "candidates": [], "verdicts": []}
    for case in range(36):
        one, two = NAMES[case // 2], NAMES[-1 - case % 18]
        prompt = prompt_row(f"What of {one} and {two}, case {case}?")
        short = f"{two} is {case} fine and {one} {case} not"
        words = [f"{one}{at} {two}{case}{at}" for at in range(40 if case < long else 2)]
        a, b = candidate_row(prompt, " ".join(words)), candidate_row(prompt, short, 1)
        tables["prompts"].append(prompt)
        tables["candidates"] += [a, b]
        tables["verdicts"] += confirmed(a, b)
    return begun(run_dir, number, **tables)


def test_a_round_whose_judge_likes_length_is_held(run_dir: Path):
    folder = round_of(run_dir, 12)
    facts = build_pairs(folder, PairsConfig(length_guard_share=1))
    assert facts["length_difference"]["before"] > 1 > BOUND >= facts["length_difference"]["after"]
    dropped = read_rows(folder, "dropped")
    assert {row["reason"] for row in dropped} == {"length_guard"}
    sizes = [len(row["chosen"][0]["content"]) for row in dropped]
    assert min(sizes) > max(len(r["chosen"][0]["content"]) for r in read_rows(folder, "pairs"))
    write_json(folder / "manifest.json", {})  # what it took is no part of the index either
    again = build_pairs(round_of(run_dir, 12, 2), PairsConfig(length_guard=None))
    assert again["dropped"] == {"duplicate": facts["kept"]}


@given(SIZES, st.floats(0.01, 1))
@settings(deadline=None)
def test_no_more_than_its_share_goes_and_those_that_matter_most(sizes, share: float):
    pairs = lengths(sizes)
    every, some = (dropped_by_guard(pairs, BOUND, most) for most in (1, share))
    assert some == every[: len(some)] and len(some) == min(len(every), floor(share * len(pairs)))


def test_by_default_a_tenth_goes_and_the_round_says_what_it_cost(run_dir: Path):
    facts = build_pairs(round_of(run_dir, 12), PairsConfig())
    difference = facts["length_difference"]
    assert (facts["kept"], facts["dropped"]) == (33, {"length_guard": 3})
    assert difference["before"] > difference["after"] > BOUND
    limits = {"taken": 3, "of": 36, "bound": 0.25, "share": 0.1}
    assert {name: difference[name] for name in limits} == limits


def test_without_a_bound_there_is_no_guard(run_dir: Path):
    assert build_pairs(round_of(run_dir, 12), PairsConfig(length_guard=None))["kept"] == 36


def test_an_ordinary_round_loses_nothing_to_the_guard(run_dir: Path):
    facts = build_pairs(round_of(run_dir, 0), PairsConfig())
    assert (facts["kept"], facts["dropped"]) == (36, {})
