"""The decision with its reasons, and the metrics that a user names."""

import pytest

from gate.config import GateConfig
from gate.metrics import load_metric
from gate.rules import win_rate_rule
from gate.win_rate import win_rate
from rounds.errors import UserError


def promote(config: GateConfig, found: dict) -> tuple[bool, str]:
    rule = win_rate_rule(config, {"decision": found})
    return rule.holds, rule.reason


def rate(outcomes: list[str]) -> dict:
    return win_rate(outcomes, 0.95, abstain_loses=True)._asdict()


def test_a_clear_win_is_promoted_with_the_numbers_in_the_reason():
    promoted, reason = promote(GateConfig(), rate(["win"] * 80 + ["loss"] * 20))
    assert promoted
    assert reason == (
        "win rate 0.800 [0.706, 0.871] on 100 gate prompts (80 won, 0 tied, 20 lost, 0 abstained "
        "and counted as lost): the lower end of its interval exceeds 0.5"
    )


def test_a_win_that_chance_explains_is_refused_unless_the_value_is_enough():
    found = rate(["win"] * 55 + ["loss"] * 45)
    promoted, reason = promote(GateConfig(), found)
    assert not promoted and reason.endswith("lower end of its interval does not exceed 0.5")
    promoted, reason = promote(GateConfig(must_exceed="value"), found)
    assert promoted and reason.endswith("the win rate exceeds 0.5")


def test_abstentions_count_against_promotion():
    assert not promote(GateConfig(), rate(["win"] * 40 + ["abstain"] * 60))[0]
    assert promote(GateConfig(), rate(["win"] * 40))[0]


def test_a_rate_at_the_threshold_does_not_exceed_it():
    found = rate(["win", "loss"])
    assert not promote(GateConfig(must_exceed="value"), found)[0]


def test_nothing_decided_is_never_promoted():
    assert promote(GateConfig(), rate([])) == (False, "no gate prompt was decided")


def test_no_worse_by_more_than_a_margin_is_enough_where_that_is_the_rule():
    found = rate(["win"] * 100 + ["loss"] * 100)
    assert not promote(GateConfig(), found)[0]
    promoted, reason = promote(GateConfig(non_inferiority=0.1), found)
    assert promoted and reason.endswith("exceeds 0.4 (no worse by more than 0.1)")
    assert not promote(GateConfig(non_inferiority=0.05), found)[0]


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
