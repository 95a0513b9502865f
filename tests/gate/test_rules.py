"""Every rule of the gate: when it refuses, and the sentence that says so."""

from pathlib import Path

import pytest
from builders import begun, both, candidate_row, prompt_row

from gate.by_tag import tags_below
from gate.config import GateConfig
from gate.intervals import bootstrap, holm, profile_interval
from gate.stage import decide
from gate.win_rate import win_rate
from rounds.ids import text_hash
from rounds.rows import SUITES, SuiteAnswer
from rounds.tables import write_rows

WON, LOST = ("a", "a"), ("b", "b")


def decided(run_dir: Path, won: int, lost: int, config: GateConfig, kl: float | None = None):
    """The decision where the answers that won are of tag x, the lost of tag y; won ones longer."""
    tables: dict[str, list] = {"prompts": [], "candidates": [], "verdicts": []}
    for number in range(won + lost):
        wins = number < won
        prompt = prompt_row(f"gate {number}", "gate") | {"tags": ["x" if wins else "y"]}
        text = "long " * (20 if wins else 1) + str(number)
        new, old = candidate_row(prompt, text, 0, "new"), candidate_row(prompt, "old", 0, "old")
        tables["prompts"].append(prompt)
        tables["candidates"] += [new, old]
        tables["verdicts"] += both(new, old, *(WON if wins else LOST))
    folder = begun(run_dir, **tables)
    return decide(folder, config, "new", "old", "old", kl)


def test_without_further_rules_the_win_rate_alone_decides(run_dir: Path):
    found = decided(run_dir, 30, 10, GateConfig())
    assert found["promoted"] and len(found["reasons"]) == 1 and "rules" not in found["metrics"]


def test_each_rule_that_refuses_says_so_in_a_sentence_of_its_own(run_dir: Path):
    config = GateConfig(length_controlled=True, tags_at_least=0.4, kl_at_most=0.1)
    found = decided(run_dir, 30, 10, config, kl=0.5)
    assert not found["promoted"]
    first, length, tag, kl = found["reasons"]
    assert first.endswith("exceeds 0.5")
    assert length.startswith("win rate at equal length") and length.endswith("not exceed 0.5")
    assert tag.startswith("less than 0.4 is won of y 0.000") and "corrected after Holm" in tag
    assert kl == "KL to the reference 0.5 a token, more than 0.1"
    rules = {rule["rule"]: rule["holds"] for rule in found["metrics"]["rules"]}
    assert rules == {
        "threshold": True,
        "length_controlled": False,
        "tags_at_least": False,
        "kl_at_most": False,
    }


def test_a_gate_that_stops_early_shows_no_interval_that_does_not_hold_then(run_dir: Path):
    gate = decided(run_dir, 30, 10, GateConfig(sequential=True))["metrics"]["gate"]
    assert gate["win_rate_vs_previous"]["interval"] == "confidence sequence"
    assert gate["length_controlled_interval_vs_previous"] is None
    later = decided(run_dir, 30, 10, GateConfig())["metrics"]["gate"]
    assert later["length_controlled_interval_vs_previous"]


def test_what_was_not_measured_does_not_pass(run_dir: Path):
    found = decided(run_dir, 30, 0, GateConfig(kl_at_most=0.1))
    assert not found["promoted"] and "was not measured" in found["reasons"][1]


def test_a_metric_may_not_be_less_or_drop_further_than_its_bounds(run_dir: Path, tmp_path: Path):
    (tmp_path / "mine.py").write_text("def size(messages, answer): return len(answer)\n")
    metrics = {"size": f"{tmp_path / 'mine.py'}:size"}
    kept = GateConfig(metrics=metrics, metric_bounds={"size": {"at_least": 3, "drop_at_most": 0}})
    assert decided(run_dir, 30, 5, kept)["promoted"]
    lost = GateConfig(metrics=metrics, metric_bounds={"size": {"at_least": 1000}})
    found = decided(run_dir, 30, 5, lost)
    assert not found["promoted"] and "less than the 1000 that it must be" in found["reasons"][1]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"metric_bounds": {"m": {"at_least": 1}}}, "no metric 'm' under metrics"),
        ({"metric_bounds": {"m": {}}}, "at_least or drop_at_most must be given"),
        ({"max_prompts": 9}, "max_prompts: is for sequential: true"),
        ({"sequential": True, "length_controlled": True}, "does not go with length_controlled"),
        ({"sequential": True, "tags_at_least": 0.4}, "does not go with tags_at_least"),
        ({"sequential": True, "people": {"labels": "x"}}, "does not go with people"),
        ({"sequential": True, "must_exceed": "value"}, "which is no test"),
        ({"non_inferiority": 0.1, "people": {"labels": "x"}}, "set threshold to 0.5 less"),
        ({"non_inferiority": 0.1, "threshold": 0.6}, "takes the place of threshold"),
    ],
)
def test_rules_that_do_not_fit_are_refused_in_the_config(given: dict, says: str):
    with pytest.raises(ValueError, match=says):
        GateConfig.model_validate(given)


def test_of_many_tags_one_that_looks_bad_by_chance_is_not_named():
    rates = {str(tag): win_rate(["win"] * 5 + ["loss"] * 5, 0.95)._asdict() for tag in range(20)}
    alone = {"bad": win_rate(["win"] + ["loss"] * 8, 0.95)._asdict()}
    assert tags_below(alone, 0.5, 0.025) == ["bad"]
    assert tags_below(rates | alone, 0.5, 0.025) == []
    worse = {"bad": win_rate(["loss"] * 14, 0.95)._asdict()}
    assert tags_below(rates | worse, 0.5, 0.025) == ["bad"]


def test_holms_steps_are_those_of_the_paper():
    assert holm([0.01, 0.04, 0.03, 0.005], 0.05) == [True, False, False, True]
    assert holm([], 0.05) == [] and holm([0.06], 0.05) == [False]


def test_the_bootstraps_interval_is_that_of_all_resamples():
    assert bootstrap(60, 0, 40, 0.95) == (0.5, 0.69)
    assert bootstrap(0, 10, 0, 0.95) == (0.5, 0.5)
    low, high = bootstrap(20, 60, 20, 0.95)
    assert 0.43 < low < 0.45 and 0.55 < high < 0.57


def test_the_interval_at_equal_length_is_that_of_a_share_where_length_says_nothing():
    won = [1.0] * 60 + [0.0] * 40
    assert profile_interval(won, [0] * 100, 0.95) == pytest.approx((0.502, 0.692), abs=0.005)
    low, high = profile_interval([1.0] * 20, [0] * 20, 0.95)
    assert 0.88 < low < 0.92 and high > 0.99


def answer(number: int, policy: str, text: str, index: int = 0) -> SuiteAnswer:
    prompt = prompt_row(f"suite {number}")
    return {
        "suite": "s",
        "prompt_id": prompt["prompt_id"],
        "messages": prompt["messages"],
        "reference": "yes",
        "source": "here:1",
        "candidate_id": f"{policy} {number} {index}",
        "policy_id": policy,
        "index": index,
        "text": text,
        "text_hash": text_hash(text),
        "n_tokens": 1,
        "finish_reason": "stop",
        "seed": 0,
        "logprob": None,
    }


def test_what_changes_beside_the_verdicts_is_decided_anew(run_dir: Path):
    config = GateConfig(kl_at_most=0.5, suites={"s": {"prompts": "x", "score": "exact"}})

    def answered(new: str) -> None:
        old = [answer(n, "old", "yes", at) for n in range(9) for at in range(2)]
        write_rows(folder, SUITES, [*old, *(answer(n, "new", new) for n in range(9))])

    folder = run_dir / "rounds" / "0001"
    assert not decided(run_dir, 30, 0, config, 0.4)["promoted"], "no answer to the suite"
    answered("yes")
    assert decide(folder, config, "new", "old", "old", 0.4)["promoted"]
    assert not decide(folder, config, "new", "old", "old", 0.6)["promoted"]
    answered("no")
    found = decide(folder, config, "new", "old", "old", 0.4)
    assert not found["promoted"] and "suite s: 0 on 9 prompts" in found["reasons"][1]
    same = decide(folder, config, "old", "old", "old", 0.4)
    assert not same["promoted"] and "suites" not in same["metrics"]
