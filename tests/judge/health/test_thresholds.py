"""A threshold from gold promises an accuracy, and keeps to it on pairs that it has not seen."""

import runpy
from itertools import pairwise
from math import comb
from typing import Any, cast

import pytest
from benchmark_output import ROOT

from judge.health.config import FromGold, wanted_accuracy
from judge.health.thresholds import CONFIDENCE, STARTS, threshold
from rounds.errors import UserError
from rounds.rates import binomial_tail, lower_bound
from rounds.reliability import Case
from rounds.rows import Verdict

SIMULATION: dict[str, Any] = runpy.run_path(str(ROOT / "benchmarks/gold_threshold.py"))


def case(probability: float, right: bool) -> Case:
    """A gold pair judged alike in both orders, a with this probability."""
    rows = [
        {
            **{"verdict_id": first, "judge_id": "judge", "level": 0, "threshold": None},
            **{"shown_first": first, "outcome": "a", "reason": None, "probability": probability},
        }
        for first in "ab"
    ]
    return Case("a" if right else "b", cast("list[Verdict]", rows))


@pytest.mark.parametrize(
    ("tau", "wanted"),
    [
        ("from_gold(0.9)", FromGold(0.9, "bound")),
        ("from_gold(0.9, point)", FromGold(0.9, "point")),
        ("from_gold( .95,point )", FromGold(0.95, "point")),
        (0.7, None),
        *((text, None) for text in ("from_gold", "from_gold(90)", "from_gold(0.9, bound)")),
        *((text, None) for text in ("from_gold(0.5)", "from_gold(0..9)", "from_gold(0.9,)")),
    ],
)
def test_what_a_threshold_from_gold_asks_for(tau: float | str, wanted: FromGold | None) -> None:
    assert wanted_accuracy(tau) == wanted


@pytest.mark.parametrize(("hits", "n", "share"), [(0, 5, 0.3), (5, 5, 0.9), (47, 50, 0.9)])
def test_the_tail_of_a_binomial_is_exact(hits: int, n: int, share: float) -> None:
    exact = sum(comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(hits, n + 1))
    assert binomial_tail(hits, n, share) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (1, 5), (5, 5), (47, 50), (900, 1000)])
def test_the_lower_bound_is_where_so_many_hits_become_likely(hits: int, n: int) -> None:
    low = lower_bound(hits, n, 0.9)
    assert 0 <= low < hits / n or low == hits == 0
    if hits:
        assert binomial_tail(hits, n, low) == pytest.approx(0.1, abs=1e-4)


def sure(n: int, wrong_below: float = 0.0) -> list[Any]:
    """So many cases from unsure to sure, wrong below a probability."""
    return [
        case(0.5 + 0.49 * place / n, right=0.5 + 0.49 * place / n >= wrong_below)
        for place in range(1, n + 1)
    ]


def test_where_every_pair_is_right_all_are_decided() -> None:
    assert threshold(sure(60), FromGold(0.9, "bound"), 50) == 0.5


def test_few_pairs_show_less_than_they_seem_to() -> None:
    """24 of 24 pairs are consistent with an accuracy below 0.9."""
    assert threshold(sure(24), FromGold(0.9, "point"), 20) == 0.5
    with pytest.raises(UserError, match=r"1.000 at 0.520 \(24 pairs\), which shows 0.858"):
        threshold(sure(24), FromGold(0.9, "bound"), 20)


def test_the_bound_lies_where_the_pairs_beyond_it_show_the_accuracy() -> None:
    cases = sure(200, wrong_below=0.7)
    point = threshold(cases, FromGold(0.9, "point"), 50)
    bound = threshold(cases, FromGold(0.9, "bound"), 50)
    assert 0.5 < point < bound <= 0.71
    right = sum(probability >= bound for probability in _probabilities(cases))
    wrong = sum(bound <= probability < 0.7 for probability in _probabilities(cases))
    assert binomial_tail(right - wrong, right, 0.9) <= (1 - CONFIDENCE) / STARTS


def _probabilities(cases: list[Any]) -> list[float]:
    return [each.verdicts[0]["probability"] for each in cases]


def test_bad_luck_at_the_surest_pairs_does_not_end_all() -> None:
    cases = sure(400)
    for place in (-1, -2, -3):
        cases[place] = case(_probabilities(cases)[place], right=False)
    assert threshold(cases, FromGold(0.9, "bound"), 50) == 0.5


@pytest.mark.long
@pytest.mark.parametrize("judge", SIMULATION["JUDGES"])
def test_the_accuracy_that_is_promised_is_missed_in_one_draw_of_ten_at_most(judge: str) -> None:
    point, bound = (SIMULATION["measure"](judge, rule, 100, 200) for rule in ("point", "bound"))
    assert bound.missed <= 0.1 * bound.draws
    assert bound.missed <= point.missed
    assert all(low <= high for low, high in pairwise([bound.kept, point.kept]))
