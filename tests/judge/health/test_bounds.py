"""The bounds of the judge's health, and the lines that a person reads."""

from typing import Any

import pytest

from judge.health.bounds import crossed_bounds
from judge.health.config import Bounds
from judge.health.measures import measure
from rounds.health_lines import health_lines
from rounds.rates import rate
from rounds.reliability import gold_measures

OPEN = Bounds(**{name: None for name in Bounds.model_fields if name != "min_n"})


def measures(**given: Any) -> dict[str, Any]:
    return measure([], [], [], []) | given


def gold(**given: Any) -> dict[str, Any]:
    return gold_measures([]) | given


def canaries(hits: int, n: int) -> dict[str, Any]:
    one, none = {"chosen": rate(hits, n), "single": rate(0, n)}, {"chosen": rate(0, n)}
    return {"canaries": {**one, "names": {"opener": one, "empty": none}}}


CASES: list[tuple[str, float, dict[str, Any], dict[str, Any], str]] = [
    ("min_yield", 0.5, {"yield": rate(4, 10)}, {"yield": rate(5, 10)}, "0.400 of 10, at least 0.5"),
    (
        "max_failures",
        0.5,
        {"failures": {**rate(6, 10), "reasons": {"off_menu": 6}, "kinds": {}}},
        {"failures": {**rate(5, 10), "reasons": {"off_menu": 5}, "kinds": {}}},
        "calls that fail (off_menu 6): 0.600 of 10, at most 0.5",
    ),
    ("max_flips", 0.5, {"flips": rate(6, 10)}, {"flips": rate(5, 10)}, "0.600 of 10, at most 0.5"),
    (
        "max_first_slot",
        0.75,
        {"first_slot": rate(8, 10)},
        {"first_slot": rate(6, 8)},
        "shown first: 0.800 of 10, at most 0.75",
    ),
    (
        "max_first_slot",
        0.75,
        {"first_slot": rate(2, 10)},
        {"first_slot": rate(2, 8)},
        "shown second: 0.800 of 10, at most 0.75",
    ),
    ("max_ties", 0.5, {"ties": rate(6, 10)}, {"ties": rate(5, 10)}, "0.600 of 10, at most 0.5"),
    (
        "max_longer_chosen",
        0.5,
        {"longer_chosen": rate(6, 10)},
        {"longer_chosen": rate(5, 10)},
        "0.600 of 10, at most 0.5",
    ),
    ("max_canaries", 0.5, canaries(6, 10), canaries(5, 10), "(opener): 0.600 of 10, at most 0.5"),
    (
        "max_unstable",
        0.5,
        {"stability": rate(4, 10)},
        {"stability": rate(5, 10)},
        "0.600 of 10, at most 0.5",
    ),
    ("max_drift", 0.5, {"drift": rate(6, 10)}, {"drift": rate(5, 10)}, "0.600 of 10, at most 0.5"),
]


def test_every_bound_has_its_case():
    named = {name for name, *_ in CASES} | {"min_gold_accuracy"}
    assert named == Bounds.model_fields.keys() - {"min_n"}


@pytest.mark.parametrize(("name", "bound", "over", "at", "says"), CASES)
def test_a_bound_is_crossed_beyond_it_and_not_at_it(name, bound, over, at, says):
    bounds = OPEN.model_copy(update={name: bound, "min_n": 8})
    (sentence,) = crossed_bounds(measures(**over), None, bounds)
    assert says in sentence and f"(judge.health.bounds.{name})" in sentence
    assert crossed_bounds(measures(**at), None, bounds) == []


@pytest.mark.parametrize("n", range(1, 201))
@pytest.mark.parametrize("limit", [0.1, 0.2, 0.3, 0.6, 0.7, 0.85, 0.9])
def test_a_rate_that_is_just_at_its_bound_does_not_cross_it(n: int, limit: float):
    at = round(limit * n)
    if abs(limit * n - at) > 1e-6:
        return
    bounds = OPEN.model_copy(
        update=dict.fromkeys(("max_unstable", "max_flips", "max_first_slot"), limit) | {"min_n": 1}
    )
    found = {"stability": rate(n - at, n), "flips": rate(at, n)}
    assert crossed_bounds(measures(**found), None, bounds) == []
    first = {"first_slot": rate(n - at, n)} if limit > 0.5 else {"first_slot": rate(0, 0)}
    assert crossed_bounds(measures(**first), None, bounds) == []
    if at < n:
        beyond = {"stability": rate(n - at - 1, n), "flips": rate(at + 1, n)}
        assert len(crossed_bounds(measures(**beyond), None, bounds)) == 2


def test_the_gold_set_has_a_bound_of_its_own():
    bounds = OPEN.model_copy(update={"min_gold_accuracy": 0.5, "min_n": 10})
    (sentence,) = crossed_bounds(None, gold(accuracy=rate(4, 10)), bounds)
    assert "0.400 of 10, at least 0.5 (judge.health.bounds.min_gold_accuracy)" in sentence
    assert crossed_bounds(measures(), gold(accuracy=rate(5, 10)), bounds) == []


@pytest.mark.parametrize(("name", "bound", "over", "at", "says"), CASES)
def test_a_rate_of_few_cases_crosses_nothing(name, bound, over, at, says):
    bounds = OPEN.model_copy(update={name: bound, "min_n": 11})
    assert crossed_bounds(measures(**over), None, bounds) == []


@pytest.mark.parametrize(("name", "bound", "over", "at", "says"), CASES)
def test_a_bound_that_is_switched_off_is_not_crossed(name, bound, over, at, says):
    assert crossed_bounds(measures(**over), gold(accuracy=rate(0, 99)), OPEN) == []


def test_what_had_no_case_crosses_nothing():
    assert crossed_bounds(measures(), gold(), Bounds()) == []
    assert crossed_bounds(None, None, Bounds()) == []


def test_every_bound_that_is_crossed_is_named():
    found = crossed_bounds(measures(flips=rate(30, 40), drift=rate(40, 40)), None, Bounds())
    assert [sentence.split("bounds.")[1] for sentence in found] == ["max_flips)", "max_drift)"]


def test_the_lines_leave_out_what_had_no_case():
    assert health_lines(measures(), gold()) == []
    assert health_lines(None, None) == []


def test_the_lines_say_each_figure_with_its_interval_and_number():
    failed = {**rate(1, 10), "reasons": {"refused": 1}, "kinds": {}}
    lines = dict(
        health_lines(
            measures(
                **canaries(1, 10),
                failures=failed,
                comparisons={
                    "n": 9,
                    "decided": 3,
                    "tie": 2,
                    "screen_disagrees": 0,
                    "abstain": {"flip": 4},
                },
                longer_chosen=rate(5, 10),
                length_slope={"value": 1.234, "n": 10},
                length_difference={"value": -12.3, "n": 10},
                second_judge={"agreement": rate(5, 10), "kappa": 0.1, "kappa_n": 10},
            ),
            gold(accuracy=rate(9, 10), kappa=0.8, single_order=rate(15, 20)),
        )
    )
    assert lines == {
        "failed calls": "0.100 [0.018, 0.404] n=10 (refused 1)",
        "longer answer wins": "0.500 [0.237, 0.763] n=10, slope +1.23, -12 characters",
        "canaries chosen": "0.100 [0.018, 0.404] n=10 (opener 0.1)",
        "second judge agrees": "0.500 [0.237, 0.763] n=10, kappa 0.10",
        "gold set: right when decided": "0.900 [0.596, 0.982] n=10, kappa 0.80",
        "gold set: right in one order": "0.750 [0.531, 0.888] n=20",
    }


def test_a_rate_of_none_of_many_is_a_line():
    assert dict(health_lines(measures(drift=rate(0, 10)), None)) == {
        "changed since round 1": "0.000 [0.000, 0.278] n=10"
    }
