"""Two shares of the same cases: their difference, with what its interval must hold."""

import random

import pytest

from rounds.paired import mcnemar, paired_difference


def test_shares_that_are_equal_have_an_even_interval():
    """36 of 50 against 36 of 50, of which 12 come out otherwise."""
    before = [True] * 30 + [True] * 6 + [False] * 6 + [False] * 8
    after = [True] * 30 + [False] * 6 + [True] * 6 + [False] * 8
    found = paired_difference(before, after)
    assert (found["value"], found["n"], found["changed"]) == (0.0, 50, 12)
    assert found["low"] == pytest.approx(-found["high"])
    assert 0.10 < found["high"] < 0.16


def test_the_same_outcomes_differ_by_nothing_and_are_not_certain():
    found = paired_difference([True] * 45 + [False] * 5, [True] * 45 + [False] * 5)
    assert found["value"] == 0 and found["changed"] == 0
    assert -0.12 < found["low"] < 0 < found["high"] < 0.12


def test_pairs_that_go_together_give_a_narrower_interval_than_such_that_do_not():
    right = [True] * 80 + [False] * 20
    together = paired_difference(right, [True] * 90 + [False] * 10)
    mixed = right[:]
    random.Random(1).shuffle(mixed)
    apart = paired_difference(mixed, [True] * 90 + [False] * 10)
    assert together["value"] == apart["value"] == pytest.approx(0.1)
    assert together["high"] - together["low"] < apart["high"] - apart["low"]
    assert together["low"] > 0


def test_a_case_of_one_side_alone_counts_on_that_side():
    found = paired_difference([True, False, True, True], [True, None, None, True])
    assert found["value"] == pytest.approx(1 - 3 / 4)
    assert (found["n"], found["changed"]) == (4, 2)


def test_without_a_case_there_is_no_number():
    for sides in (([], []), ([None, None], [True, False])):
        found = paired_difference(*sides)
        assert found["value"] is found["low"] is found["high"] is None


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    """400 draws of 60 cases, 0.8 against 0.88, half of them the same, one in ten undecided."""
    draw, held = random.Random(4), 0
    for _ in range(400):
        before: list[bool | None] = []
        after: list[bool | None] = []
        for _ in range(60):
            first = draw.random() < 0.8
            second = first if draw.random() < 0.5 else draw.random() < 0.96
            before.append(first if draw.random() < 0.9 else None)
            after.append(second if draw.random() < 0.9 else None)
        found = paired_difference(before, after)
        held += found["low"] <= 0.08 <= found["high"]
    assert 0.93 <= held / 400 <= 0.99


def test_mcnemar_counts_who_is_right_alone():
    before = [True] * 5 + [False] * 7 + [True] * 3 + [None]
    after = [True] * 5 + [True] * 7 + [False] * 3 + [True]
    found = mcnemar(before, after)
    assert (found["before"], found["after"], found["n"]) == (3, 7, 15)
    assert found["p"] == pytest.approx(2 * (120 + 45 + 10 + 1) / 1024)
    assert mcnemar([True], [True])["p"] is None
