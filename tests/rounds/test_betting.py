"""The confidence sequence: how often it errs, that it only narrows, and when a gate stops."""

import random
from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rounds.betting import confidence_sequence, may_still_exceed
from rounds.early import PROMOTE, STEP, Early, in_order, stopped, worth

VALUES = st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=60)
RULE = Early(0, 0.5, 0.95)


@pytest.mark.parametrize(("mean", "ties"), [(0.5, 0.0), (0.5, 0.6), (0.2, 0.1), (0.85, 0.2)])
def test_at_any_time_at_all_it_leaves_the_mean_out_as_seldom_as_it_says(mean: float, ties: float):
    drawn, repeats, n = np.random.default_rng(7), 300, 120
    missed = 0
    for _ in range(repeats):
        values = drawn.choice([1.0, 0.5, 0.0], n, p=[mean - ties / 2, ties, 1 - mean - ties / 2])
        low, high = confidence_sequence(values, 0.95, n)
        missed += bool((low > mean).any() or (high < mean).any())
    # 5 % of 300 is 15; more than 27 come about with a chance below 0.002
    assert missed <= 27


def capital(values: list[float], mean: float, confidence: float, horizon: int) -> tuple:
    """The largest logarithms that the capitals on more and on less come to, a value at a time."""
    limit, before, most = log(2 / (1 - confidence)), list[float](), [0.0, 0.0]
    now, spread = [0.0, 0.0], 0.25
    for value in values:
        bet = sqrt(2 * limit / (spread / (len(before) + 1) * horizon))
        now[0] += log(1 + min(bet, 0.75 / mean) * (value - mean))
        now[1] += log(1 - min(bet, 0.75 / (1 - mean)) * (value - mean))
        most = [max(pair) for pair in zip(most, now, strict=True)]
        before.append(value)
        spread += (value - (0.5 + sum(before)) / (len(before) + 1)) ** 2
    return most[0], most[1], limit


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_each_end_is_where_a_bet_by_what_came_before_reaches_its_half_of_the_error(confidence):
    drawn = random.Random(5)
    values = [drawn.choice([0.0, 0.5, 1.0, 1.0, 1.0]) for _ in range(70)]
    bounds = confidence_sequence(values, confidence, 90)
    low, high = bounds.low[-1], bounds.high[-1]
    assert 0 < low < high < 1
    for mean in (0.1, 0.3, low - 0.002, low, low + 0.002, 0.6, high - 0.002, high, high + 0.002):
        more, less, limit = capital(values, mean, confidence, 90)
        assert (more >= limit) == (mean < low + 0.001), mean
        assert (less >= limit) == (mean > high - 0.001), mean


def test_ends_that_have_crossed_are_one():
    bounds = confidence_sequence([1.0] * 60 + [0.0] * 400, 0.9, 460)
    assert (bounds.low <= bounds.high).all() and bounds.low[-1] == bounds.high[-1]


@settings(max_examples=30, deadline=None)
@given(VALUES, st.integers(60, 200))
def test_it_only_ever_narrows_and_what_comes_later_changes_nothing(values, horizon):
    low, high = confidence_sequence(values, 0.9, horizon)
    assert (np.diff(low) >= 0).all() and (np.diff(high) <= 0).all() and (low <= high).all()
    half = len(values) // 2 + 1
    before = confidence_sequence(values[:half], 0.9, horizon)
    assert (before.low == low[:half]).all() and (before.high == high[:half]).all()


@settings(max_examples=30, deadline=None)
@given(VALUES, VALUES)
def test_where_a_gate_has_stopped_it_stays_whatever_comes_after(values, later):
    prompts = len(values) + len(later)
    at = stopped(values, RULE, prompts)
    after = stopped([*values, *later], RULE, prompts)
    assert after is not None, "with all values there is an end"
    if at is not None:
        assert at == after
    else:
        assert after.asked > len(values) - STEP


@settings(max_examples=20, deadline=None)
@given(st.sets(st.text(min_size=1, max_size=4), max_size=20), st.integers(0, 5), st.randoms())
def test_the_order_follows_from_the_seed_alone(names, seed, random_):
    order = in_order(names, seed)
    mixed = list(names)
    random_.shuffle(mixed)
    assert in_order(mixed, seed) == order and set(order) == names


def test_another_seed_is_another_order():
    names = [str(number) for number in range(30)]
    assert in_order(names, 1) != in_order(names, 2)


def test_a_clear_gate_stops_long_before_the_end_and_a_hopeless_one_as_well():
    won, lost = stopped([1.0] * 200, RULE, 200), stopped([0.0] * 200, RULE, 200)
    assert won is not None and won.decision == PROMOTE and won.asked < 60 and won.low > 0.5
    assert lost is not None and lost.decision != PROMOTE and lost.asked < 60
    close = random.Random(3)
    level = stopped([float(close.random() < 0.5) for _ in range(200)], RULE, 200)
    assert level is not None and level.decision != PROMOTE


def test_a_gate_without_hope_stops_before_its_interval_is_beyond_the_bar():
    at = stopped([1.0, 0.0] * 100, RULE, 200)
    assert at is not None and at.futile and at.decision != PROMOTE
    assert at.asked < 200 and at.low < RULE.bar < at.high


def test_what_an_outcome_counts():
    assert [worth(one) for one in ("win", "tie", "identical", "loss", "abstain")] == [
        *(1.0, 0.5, 0.5),
        *(0.0, 0.0),
    ]


def test_hope_is_gone_where_not_even_winning_at_the_best_rate_would_do():
    assert may_still_exceed([0.0] * 20, 0.95, 400, 0.5, 0.9)
    assert not may_still_exceed([0.0] * 50, 0.95, 60, 0.5, 1.0)
    assert not may_still_exceed([1.0] * 10, 0.95, 10, 0.5, 1.0)
