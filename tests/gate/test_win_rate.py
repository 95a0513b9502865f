"""Win rates, their intervals, and what they are when length is taken out."""

import math
import random

import pytest

from gate.intervals import score_interval
from gate.win_rate import detectable, length_controlled, win_rate
from rounds.rates import wilson


@pytest.mark.parametrize(
    ("share", "n", "interval"),
    [
        (0.5, 100, (0.4038315, 0.5961685)),
        (0.9, 10, (0.5958500, 0.9821238)),
        (0.0, 10, (0.0, 0.2775328)),
        (1.0, 10, (0.7224672, 1.0)),
        (0.0, 1, (0.0, 0.7934507)),
    ],
)
def test_wilsons_interval_is_the_published_one(share, n, interval):
    assert wilson(share, n, 0.95) == pytest.approx(interval, abs=1e-6)


def test_the_interval_narrows_with_n_and_widens_with_confidence():
    def width(n: int, confidence: float) -> float:
        low, high = wilson(0.6, n, confidence)
        return high - low

    assert width(10, 0.95) > width(100, 0.95) > width(1000, 0.95)
    assert width(100, 0.8) < width(100, 0.95) < width(100, 0.99)


@pytest.mark.parametrize(
    ("hits", "n", "interval"),
    [(81, 263, (0.2535, 0.3682)), (15, 148, (0.0598, 0.1644)), (1, 29, (0.0018, 0.1963))],
)
def test_without_ties_it_is_newcombes_fourth_method_as_he_published_it(hits, n, interval):
    assert score_interval(hits, 0, n - hits, 0.95) == pytest.approx(interval, abs=5e-5)
    low, high = score_interval(n - hits, 0, hits, 0.95)
    assert (1 - high, 1 - low) == pytest.approx(interval, abs=5e-5)


@pytest.mark.parametrize("n", [8, 40, 100])
@pytest.mark.parametrize("tied", [0.0, 0.3, 0.7, 0.9])
def test_a_policy_that_is_no_better_is_promoted_no_more_often_than_stated(n: int, tied: float):
    """Exactly, over all outcomes; the half of the error that is on the promoting side."""
    promoted = 0.0
    for ties in range(n + 1 if tied else 1):
        of_ties = math.comb(n, ties) * tied**ties * (1 - tied) ** (n - ties)
        decided = n - ties
        promoted += of_ties * sum(
            math.comb(decided, wins) / 2**decided
            for wins in range(decided // 2 + 1, decided + 1)
            if score_interval(wins, ties, decided - wins, 0.95)[0] > 0.5
        )
    assert promoted <= 0.025
    assert n < 40 or tied > 0.7 or promoted > 0.01  # and the error that is allowed is used


def test_ties_narrow_the_interval():
    low, _ = score_interval(39, 146, 15, 0.95)
    assert low > 0.52 and wilson((39 + 73) / 200, 200, 0.95)[0] < 0.5
    assert score_interval(0, 200, 0, 0.95) == pytest.approx((0.4861, 0.5139), abs=1e-4)


def test_a_tie_is_half_a_win_and_an_abstention_stands_beside():
    rate = win_rate(["win"] * 5 + ["tie"] * 2 + ["loss"] * 3 + ["abstain"] * 4, 0.95)
    assert (rate.value, rate.n, rate.abstained) == (0.6, 10, 4)
    assert (rate.low, rate.high) == score_interval(5, 2, 3, 0.95)


def test_an_abstention_is_a_loss_only_where_it_is_asked_for():
    rate = win_rate(["win"] * 6 + ["abstain"] * 4, 0.95, abstain_loses=True)
    assert (rate.value, rate.n, rate.abstained) == (0.6, 10, 4)
    assert win_rate(["win"] * 6 + ["abstain"] * 4, 0.95).value == 1.0


@pytest.mark.parametrize("outcomes", [[], ["abstain"] * 3])
def test_nothing_decided_is_no_number(outcomes: list[str]):
    found = win_rate(outcomes, 0.95)
    assert found[:5] == (None, None, None, 0, len(outcomes)) and found.strictly_better is None


def test_identical_answers_are_ties_that_are_counted_apart():
    outcomes = ["win"] * 18 + ["tie"] * 2 + ["identical"] * 20
    rate = win_rate(outcomes, 0.95)
    assert rate.value == 0.725
    assert (rate.wins, rate.ties, rate.losses, rate.identical) == (18, 22, 0, 20)
    assert rate.strictly_better == 0.45
    assert length_controlled(outcomes, [0] * 40) == pytest.approx(0.725, abs=1e-3)
    with_lost = win_rate([*outcomes, *["abstain"] * 5], 0.95, abstain_loses=True)
    assert (with_lost.n, with_lost.losses, with_lost.strictly_better) == (45, 0, 0.4)


def test_with_equal_lengths_control_changes_nothing():
    outcomes = ["win"] * 60 + ["tie"] * 10 + ["loss"] * 30 + ["abstain"] * 9
    controlled = length_controlled(outcomes, [0] * len(outcomes))
    assert controlled == pytest.approx(0.65, abs=1e-3)


def test_a_policy_that_wins_by_length_alone_wins_half():
    longer_by = [100, -100, 40, -40] * 30 + [60] * 60
    outcomes = ["win" if by > 0 else "loss" for by in longer_by]
    assert win_rate(outcomes, 0.95).value == pytest.approx(2 / 3)
    # a logistic in the length, drawn: longer wins more often, and nothing else matters
    rng = random.Random(0)
    longer_by = [rng.randint(-50, 150) for _ in range(4000)]
    outcomes = [
        "win" if rng.random() < 1 / (1 + math.exp(-by / 40)) else "loss" for by in longer_by
    ]
    raw, controlled = win_rate(outcomes, 0.95).value, length_controlled(outcomes, longer_by)
    assert raw > 0.65 and controlled == pytest.approx(0.5, abs=0.05)


def test_control_takes_no_win_from_answers_that_are_better_and_shorter():
    outcomes = ["win"] * 70 + ["loss"] * 30
    longer_by = [-20] * 35 + [20] * 35 + [-20] * 15 + [20] * 15
    assert length_controlled(outcomes, longer_by) == pytest.approx(0.7, abs=1e-2)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(30))
def test_control_stays_a_number_on_any_outcomes(seed: int):
    rng = random.Random(seed)
    n = rng.choice([1, 2, 3, 10, 300])
    longer_by = [rng.choice([0, 1, -1, 5000, rng.randint(-99, 99)]) for _ in range(n)]
    by_length = ["win" if by > 0 else "loss" for by in longer_by]
    drawn = [rng.choice(["win", "tie", "loss"]) for _ in range(n)]
    for outcomes in (by_length, drawn, ["win"] * n, ["loss"] * n):
        controlled = length_controlled(outcomes, longer_by)
        if len(set(longer_by)) == 1 and longer_by[0]:
            assert controlled is None  # nothing tells length from worth
        else:
            assert controlled is not None and 0 <= controlled <= 1
    assert length_controlled(["win"] * n, [0] * n) > 0.9


def test_control_of_nothing_decided_is_none():
    assert length_controlled(["abstain"], [3]) is None


def test_what_can_be_detected_is_what_is_shown_so_often():
    """Of true win rates at and just below what is said, counted over all outcomes."""
    for n, confidence, threshold in ((6, 0.95, 0.5), (50, 0.95, 0.5), (200, 0.8, 0.45)):
        rate = detectable(n, confidence, threshold=threshold)
        assert rate is not None
        for true, enough in ((rate, True), (rate - 1e-3, False)):
            shown = sum(
                math.comb(n, wins) * true**wins * (1 - true) ** (n - wins)
                for wins in range(n + 1)
                if score_interval(wins, 0, n - wins, confidence)[0] > threshold
            )
            assert (shown >= 0.8 - 1e-9) is enough
    assert detectable(5, 0.95) is None is detectable(0, 0.95), "five of five show nothing"
