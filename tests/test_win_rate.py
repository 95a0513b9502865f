"""Win rates, their intervals, and what they are when length is taken out."""

import math
import random

import pytest

from gate.config import GateConfig
from gate.metrics import load_metric
from gate.stage import promote
from gate.win_rate import detectable, length_controlled, wilson, win_rate
from rounds.errors import UserError


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


def test_a_tie_is_half_a_win_and_an_abstention_stands_beside():
    rate = win_rate(["win"] * 5 + ["tie"] * 2 + ["loss"] * 3 + ["abstain"] * 4, 0.95)
    assert (rate.value, rate.n, rate.abstained) == (0.6, 10, 4)
    assert (rate.low, rate.high) == wilson(0.6, 10, 0.95)


def test_an_abstention_is_a_loss_only_where_it_is_asked_for():
    rate = win_rate(["win"] * 6 + ["abstain"] * 4, 0.95, abstain_loses=True)
    assert (rate.value, rate.n, rate.abstained) == (0.6, 10, 4)
    assert win_rate(["win"] * 6 + ["abstain"] * 4, 0.95).value == 1.0


@pytest.mark.parametrize("outcomes", [[], ["abstain"] * 3])
def test_nothing_decided_is_no_number(outcomes: list[str]):
    assert win_rate(outcomes, 0.95) == (None, None, None, 0, len(outcomes))


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
        assert 0 <= length_controlled(outcomes, longer_by) <= 1
    assert length_controlled(["win"] * n, [0] * n) > 0.9


def test_control_of_nothing_decided_is_none():
    assert length_controlled(["abstain"], [3]) is None


def rate(outcomes: list[str]) -> dict:
    return win_rate(outcomes, 0.95, abstain_loses=True)._asdict()


def test_a_clear_win_is_promoted_with_the_numbers_in_the_reason():
    promoted, (reason,) = promote(GateConfig(), rate(["win"] * 80 + ["loss"] * 20), False)
    assert promoted
    assert reason == (
        "win rate 0.800 [0.711, 0.867] on 100 gate prompts, abstentions counted as losses: "
        "the lower end of its interval exceeds 0.5"
    )


def test_a_win_that_chance_explains_is_refused_unless_the_value_is_enough():
    found = rate(["win"] * 55 + ["loss"] * 45)
    promoted, (reason,) = promote(GateConfig(), found, False)
    assert not promoted and reason.endswith("lower end of its interval does not exceed 0.5")
    promoted, (reason,) = promote(GateConfig(must_exceed="value"), found, False)
    assert promoted and reason.endswith("the win rate exceeds 0.5")


def test_abstentions_count_against_promotion():
    assert not promote(GateConfig(), rate(["win"] * 40 + ["abstain"] * 60), False)[0]
    assert promote(GateConfig(), rate(["win"] * 40), False)[0]


def test_a_rate_at_the_threshold_does_not_exceed_it():
    found = rate(["win", "loss"])
    assert not promote(GateConfig(must_exceed="value"), found, False)[0]


def test_nothing_learned_or_nothing_decided_is_never_promoted():
    assert promote(GateConfig(), rate(["win"] * 99), True) == (
        False,
        ["training left the weights as they were"],
    )
    assert promote(GateConfig(), rate([]), False) == (False, ["no gate prompt was decided"])


def test_what_can_be_detected_follows_from_n():
    assert detectable(200, 0.95) == pytest.approx(0.5 + (1.959964 + 0.841621) * 0.5 / 200**0.5)
    assert detectable(50, 0.95) > detectable(200, 0.95) > detectable(200, 0.8) > 0.5
    assert detectable(1, 0.95) == detectable(0, 0.95) == 1.0


def test_a_metric_is_found_by_module_and_function_beside_the_config(tmp_path, monkeypatch):
    (tmp_path / "my_metric.py").write_text(
        "def short(messages, answer): return -len(answer)\nx = 3"
    )
    monkeypatch.chdir(tmp_path)
    assert load_metric("brevity", "my_metric:short")([], "four") == -4
    with pytest.raises(UserError, match=r"gate.metrics.brevity: my_metric:x is not a function"):
        load_metric("brevity", "my_metric:x")


@pytest.mark.parametrize(
    "reference", ["nowhere_at_all:f", "json:nothing", "json", "", ":f", ".x:f"]
)
def test_a_metric_that_is_not_there_is_the_users_error(reference: str):
    with pytest.raises(UserError, match=r"gate.metrics.m: cannot load .*expected module:function"):
        load_metric("m", reference)


def test_a_metric_that_is_no_python_is_the_users_error(tmp_path, monkeypatch):
    (tmp_path / "broken_metric.py").write_text("def (")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="cannot load broken_metric:f"):
        load_metric("m", "broken_metric:f")


@pytest.mark.parametrize("name", ["decision", "gate", "test", "train", "usage", "counts"])
def test_a_metric_cannot_take_the_place_of_what_a_round_measures(name: str):
    with pytest.raises(ValueError, match=f"{name} is a name that metrics.json has already"):
        GateConfig(metrics={name: "json:dumps"})
