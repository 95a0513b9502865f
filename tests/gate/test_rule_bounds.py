"""Where each rule of the gate turns: at its bound, and where a figure is missing. Without files."""

from pathlib import Path
from typing import Any

import pytest
from builders import candidate_row, prompt_row

from gate.by_tag import by_tag, tags_below
from gate.collapse import answers_beside, collapsed
from gate.config import GateConfig
from gate.measures import win_rates
from gate.rules import Rule, other_rules, win_rate_rule
from gate.win_rate import win_rate
from rounds.contests import IDENTICAL, LOSS, WIN, Contest
from rounds.early import PROMOTE, UNDECIDED, Early, Stop, stopped, worth
from texts.diversity import Diversity

FUNCTION = {"m": "mine.py:m"}


def holds(config: GateConfig, kl: float | None = None, **measured: Any) -> bool:
    """Whether the one rule beside the win rate holds."""
    (rule,) = other_rules(config, measured, kl)
    assert isinstance(rule, Rule) and rule.reason
    return rule.holds


def metric(new: float | None, previous: float | None) -> dict[str, Any]:
    return {"m": {"gate_mean": new, "gate_mean_previous": previous}}


def suite(new: float | None, drop: float | None, floor: float = 0.1) -> dict[str, Any]:
    return {"s": {"n": 9, "new": new, "previous": 1.0, "drop": drop, "floor": floor}}


def with_suite(**given: float) -> GateConfig:
    return GateConfig(suites={"s": {"prompts": "x", "score": "exact", **given}})


def test_a_win_rate_of_the_bar_itself_or_none_is_not_enough():
    half = {"value": 0.5, "low": 0.5, "high": 0.9, "n": 2, "wins": 1, "ties": 0, "losses": 1}
    half["abstained"] = 0
    assert not win_rate_rule(GateConfig(), {"decision": half}).holds
    assert win_rate_rule(GateConfig(threshold=0.49), {"decision": half}).holds
    none = win_rate_rule(GateConfig(), {"decision": win_rate([], 0.95)._asdict()})
    assert not none.holds and none.reason == "no gate prompt was decided"


def test_a_win_rate_at_equal_length_that_nothing_tells_does_not_pass():
    config = GateConfig(length_controlled=True)
    assert not holds(config, decision={"length_controlled": None})
    rate = {"value": 0.7, "low": 0.5, "high": 0.8}
    assert not holds(config, decision={"length_controlled": rate})


def test_a_metric_is_held_to_its_bounds_and_one_that_is_not_known_does_not_pass():
    least = GateConfig(metrics=FUNCTION, metric_bounds={"m": {"at_least": 3}})
    assert holds(least, custom=metric(3, 9)) and not holds(least, custom=metric(2.9, 0))
    assert not holds(least, custom=metric(None, None))
    drop = GateConfig(metrics=FUNCTION, metric_bounds={"m": {"drop_at_most": 1}})
    assert holds(drop, custom=metric(2, 3)) and not holds(drop, custom=metric(1.9, 3))
    assert not holds(drop, custom=metric(None, None))


def test_the_kl_may_be_its_bound_and_must_be_known():
    config = GateConfig(kl_at_most=0.5)
    assert holds(config, kl=0.5) and not holds(config, kl=0.51) and not holds(config)


def test_a_suite_refuses_beyond_what_is_allowed_and_beyond_chance_together():
    assert holds(with_suite(at_least=0.5), suites=suite(0.5, 0.5))
    assert not holds(with_suite(at_least=0.5), suites=suite(0.49, 0.5))
    allowed = with_suite(drop_at_most=0.2)
    assert holds(allowed, suites=suite(0.8, 0.2, floor=0.1))
    assert holds(allowed, suites=suite(0.7, 0.3, floor=0.3))
    assert not holds(allowed, suites=suite(0.7, 0.3, floor=0.2))
    assert not holds(allowed, suites=suite(None, None))


def test_perplexity_may_be_its_bounds():
    def read(**given: float) -> GateConfig:
        return GateConfig(suites={"s": {"prompts": "x", "score": "perplexity", **given}})

    found = {"s": {"n": 9, "new": 8.0, "previous": 7.5, "rise": 0.5, "tokens": 90}}
    assert holds(read(at_most=8), suites=found) and not holds(read(at_most=7.9), suites=found)
    assert holds(read(rise_at_most=0.5), suites=found)
    assert not holds(read(rise_at_most=0.4), suites=found)


def rates(**of: list[str]) -> dict[str, Any]:
    return {tag: win_rate(outcomes, 0.95)._asdict() for tag, outcomes in of.items()}


def test_a_tag_is_below_by_half_the_error_and_with_its_ties_in_its_favour():
    config = GateConfig(tags_at_least=0.5)

    def kept(**of: list[str]) -> bool:
        return holds(config, gate={"by_tag_vs_previous": rates(**of)})

    assert kept(x=[WIN] + [LOSS] * 7), "3.5 %, where 2.5 % is the error of one side"
    assert not kept(x=[WIN] + [LOSS] * 8)
    assert kept(x=[WIN, IDENTICAL] + [LOSS] * 7), "a win and a half is counted as two"
    assert not kept(x=[WIN] + [LOSS] * 8, y=[]), "a tag without a verdict is no test"
    assert kept(x=[WIN] + [LOSS] * 8, y=[WIN])


def test_a_tag_that_stands_twice_counts_once():
    found = by_tag([(["x", "x"], WIN), (None, LOSS)], lambda some: win_rate(some, 0.95))
    assert found["x"]["n"] == 1 and tags_below(found, 0.5, 0.5) == []


def contest(number: int, outcome: str, split: str = "gate") -> Contest:
    prompt = prompt_row(f"{split} {number}", split)
    text = "same" if outcome == IDENTICAL else "new" * (1 + number)
    new = candidate_row(prompt, text, policy="new")
    old = candidate_row(prompt, "same", policy="old")
    return Contest(prompt, new, old, outcome, [])


def test_of_a_gate_that_stops_early_the_test_prompts_have_plain_intervals_and_copies_cost_nothing():
    config = GateConfig(sequential=True)
    gate = [contest(n, IDENTICAL if n % 2 else WIN) for n in range(8)]
    test = [contest(n, WIN, "test") for n in range(4)]
    every = {
        (split, name): some
        for split, some in (("gate", gate), ("test", test))
        for name in ("previous", "initial")
    }
    stop = Stop(8, UNDECIDED, 0.2, 0.9, 8, False)
    found = win_rates(every, every, config, stop)
    assert found["gate"]["win_rate_vs_previous"]["interval"] == "confidence sequence"
    assert found["test"]["win_rate_vs_previous"]["interval"] == "score"
    assert found["test"]["length_controlled_interval_vs_previous"] is not None
    assert found["gate"]["length_controlled_interval_vs_previous"] is None
    assert found["early"]["comparisons"] == 4


def test_a_collapse_wants_less_than_its_share_and_both_excesses():
    def told(trained: tuple[float, float], first: tuple[float, float], n: int = 20) -> bool:
        sides = (Diversity(None, distinct, None, alike) for distinct, alike in (trained, first))
        return collapsed(*sides, n) is not None

    assert told((0.59, 0.0), (1.0, 0.0)) and not told((0.6, 0.0), (1.0, 0.0))
    assert not told((0.1, 0.9), (1.0, 0.0), n=19)
    assert told((1.0, 0.21), (1.0, 0.1)) and not told((1.0, 0.2), (1.0, 0.1))
    assert not told((1.0, 0.09), (1.0, 0.01)), "twice, and not by a tenth"
    assert not told((1.0, 0.65), (1.0, 0.5)), "by more than a tenth, and not twice"
    unknown = Diversity(None, None, None, None)
    assert collapsed(unknown, unknown, 20) is None


def test_answers_of_unknown_length_are_left_out_of_the_mean():
    one, other = contest(0, WIN), contest(1, WIN)
    unknown = other._replace(new=other.new | {"n_tokens": None})
    beside = answers_beside([one, unknown])
    assert beside is not None and beside["trained"]["mean_tokens"] == 2
    assert answers_beside([unknown])["trained"]["mean_tokens"] is None
    assert answers_beside([]) is None


def test_a_gate_that_may_stop_early_looks_at_no_value_beyond_its_most():
    rule = Early(0, 0.5, 0.95, 16)
    lost = stopped([1.0] * 8 + [0.0] * 92, Early(0, 0.5, 0.95), 100)
    assert lost is not None and lost.decision != PROMOTE
    found = stopped([1.0, 0.0] * 8 + [1.0] * 84, rule, 100)
    assert found is not None and found.asked <= found.horizon == 16
    assert found.decision != PROMOTE
    assert worth("abstain") == 0 and worth("nothing known") == 0


def test_people_need_at_most_what_they_need_at_least():
    with pytest.raises(ValueError, match="most: 9 is less than min_n, 10"):
        GateConfig(people={"labels": "x", "min_n": 10, "most": 9})
    for name in ("judge", "suites", "seconds"):
        with pytest.raises(ValueError, match="is a name that metrics.json has already"):
            GateConfig(metrics={name: str(Path("mine.py")) + ":f"})
