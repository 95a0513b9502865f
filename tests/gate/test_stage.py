"""The gate stage: verdicts on held-out answers to win rates and a decision."""

import sys
import types
from pathlib import Path

import pytest
from builders import begun, both, candidate_row, prompt_row

from gate.config import GateConfig
from gate.metrics import load_metric
from gate.stage import decide
from rounds.errors import UserError
from rounds.rows import CANDIDATES, HELD_OUT, PROMPTS, VERDICTS
from rounds.stages import stage_key, stage_stamps
from rounds.tables import read_rows, rows_hash, write_rows

NEW, OLD, FIRST = "new", "old", "first"
WON, LOST, TIED, FLIP = ("a", "a"), ("b", "b"), ("tie", "tie"), ("a", "b")


def contested(run_dir: Path, gate: list, test: list, text: str = "{policy} {number}") -> Path:
    """Held-out answers of three policies; the orders' outcomes of each new-against-old contest
    are given (None: never judged), and against the first policy the new one wins.
    """
    tables: dict[str, list] = {"prompts": [], "candidates": [], "verdicts": []}
    for split, contests in (("gate", gate), ("test", test)):
        for number, orders in enumerate(contests):
            prompt = prompt_row(f"{split} {number}", split)
            answers = [
                candidate_row(prompt, text.format(policy=policy, number=number), 0, policy)
                for policy in (NEW, OLD, FIRST)
            ]
            tables["prompts"].append(prompt)
            tables["candidates"] += answers
            if orders:
                tables["verdicts"] += both(answers[0], answers[1], *orders, reason="refused")
                tables["verdicts"] += both(answers[0], answers[2], *WON)
    return begun(run_dir, **tables)


def test_the_gate_split_decides_and_the_test_split_is_reported(run_dir: Path):
    folder = contested(run_dir, [WON] * 20, [LOST] * 20)
    found = decide(folder, GateConfig(), NEW, OLD, FIRST)
    assert found["promoted"] and "on 20 gate prompts" in found["reasons"][0]
    metrics = found["metrics"]
    assert metrics["gate"]["win_rate_vs_previous"]["value"] == 1.0
    assert metrics["test"]["win_rate_vs_previous"]["value"] == 0.0
    assert metrics["test"]["win_rate_vs_initial"]["value"] == 1.0


def test_abstentions_are_no_losses_in_what_is_reported_and_losses_in_the_decision(run_dir: Path):
    contests = [WON] * 6 + [FLIP] * 2 + [("a", "abstain"), None]
    metrics = decide(contested(run_dir, contests, [WON]), GateConfig(), NEW, OLD, FIRST)["metrics"]
    reported, decision = metrics["gate"]["win_rate_vs_previous"], metrics["decision"]
    assert (reported["value"], reported["n"], reported["abstained"]) == (1.0, 6, 4)
    assert (decision["value"], decision["n"], decision["abstained"]) == (0.6, 10, 4)


@pytest.mark.parametrize(("silent", "promoted"), [(1, True), (28, False)])
def test_gate_prompts_that_the_new_policy_alone_left_unanswered_are_lost(
    run_dir: Path, silent: int, promoted: bool
):
    folder = contested(run_dir, [WON] * 40, [WON])
    prompts = read_rows(folder, PROMPTS)
    for row in prompts[:silent]:
        row["set_aside"] = "content_filter"
    left = {row["prompt_id"] for row in prompts[:silent]}
    write_rows(folder, PROMPTS, prompts)
    answers = [
        row
        for row in read_rows(folder, CANDIDATES)
        if row["policy_id"] != NEW or row["prompt_id"] not in left
    ]
    write_rows(folder, CANDIDATES, answers)
    found = decide(folder, GateConfig(), NEW, OLD, FIRST)
    assert found["promoted"] is promoted
    (rule,) = (one for one in found["metrics"]["rules"] if one["rule"] == "unanswered")
    assert f"left {silent} gate prompt" in rule["reason"] and rule["holds"] is promoted
    assert promoted or "counted as lost, the win rate is 0.300 [" in found["reasons"][1]


def test_wins_losses_and_ties_are_the_new_policys(run_dir: Path):
    folder = contested(run_dir, [WON] * 5 + [LOST] * 2 + [TIED] * 3, [WON])
    rate = decide(folder, GateConfig(), NEW, OLD, FIRST)["metrics"]["gate"]["win_rate_vs_previous"]
    assert (rate["value"], rate["n"]) == (0.65, 10)


def test_two_answers_of_the_same_text_are_a_tie_whatever_was_said(run_dir: Path):
    folder = contested(run_dir, [WON, None], [WON], text="the same {number}")
    rate = decide(folder, GateConfig(), NEW, OLD, FIRST)["metrics"]["gate"]["win_rate_vs_previous"]
    assert (rate["value"], rate["n"]) == (0.5, 2)
    assert (rate["ties"], rate["identical"], rate["strictly_better"]) == (2, 2, 0)


def test_of_the_ties_of_a_users_metric_those_of_identical_answers_are_told(run_dir: Path):
    folder = contested(run_dir, [WON], [WON] * 3, text="{policy:.3} {number}")
    (folder / "ties.py").write_text("def zero(messages, answer):\n    return 0\n")
    config = GateConfig(metrics={"zero": f"{folder / 'ties.py'}:zero"})
    zero = decide(folder, config, NEW, OLD, FIRST)["metrics"]["custom"]["zero"]
    assert (zero["win_rate_vs_previous"]["ties"], zero["win_rate_vs_previous"]["identical"]) == (
        3,
        0,
    )
    same = contested(run_dir, [WON], [WON] * 3, text="{number}")
    zero = decide(same, config, NEW, OLD, FIRST)["metrics"]["custom"]["zero"]
    assert zero["win_rate_vs_previous"]["identical"] == 3


def test_weights_that_did_not_change_are_not_promoted(run_dir: Path):
    found = decide(contested(run_dir, [WON] * 20, [WON]), GateConfig(), NEW, NEW, FIRST)
    assert not found["promoted"] and "left the weights as they were" in found["reasons"][0]


def test_in_the_first_round_the_one_in_place_is_the_first(run_dir: Path):
    metrics = decide(contested(run_dir, [LOST] * 4, []), GateConfig(), NEW, FIRST, FIRST)["metrics"]
    assert metrics["gate"]["win_rate_vs_previous"] == metrics["gate"]["win_rate_vs_initial"]
    assert metrics["gate"]["win_rate_vs_previous"]["value"] == 1.0
    assert metrics["test"]["win_rate_vs_previous"]["value"] is None


def test_the_length_of_answers_stands_beside_the_raw_rate(run_dir: Path):
    folder = contested(run_dir, [WON] * 3 + [LOST], [WON])
    gate = decide(folder, GateConfig(), NEW, OLD, FIRST)["metrics"]["gate"]
    assert gate["mean_length_difference_vs_previous"] == 0
    assert gate["mean_length_difference_vs_initial"] == len(NEW) - len(FIRST)
    assert gate["length_controlled_win_rate_vs_previous"] == pytest.approx(0.75, abs=0.01)


def test_a_named_metric_is_reported_and_decides_nothing(run_dir: Path, tmp_path, monkeypatch):
    (tmp_path / "gate_metric.py").write_text(
        "def score(messages, answer): return {'new': 1, 'old': 2, 'fir': 3}[answer[:3]]"
    )
    monkeypatch.chdir(tmp_path)
    config = GateConfig(metrics={"mine": "gate_metric:score"})
    found = decide(contested(run_dir, [WON] * 20, [WON] * 2), config, NEW, OLD, FIRST)
    mine = found["metrics"]["custom"]["mine"]
    assert found["promoted"]
    assert mine["win_rate_vs_previous"]["value"] == 0.0 and mine["win_rate_vs_previous"]["n"] == 2
    assert mine["gate_win_rate_vs_previous"]["n"] == 20, "beside the judge, for the alarm"
    assert (mine["mean"], mine["mean_initial"]) == (1.0, 3.0)


def test_a_decision_stands_until_something_it_rests_on_changes(run_dir: Path):
    folder = contested(run_dir, [WON] * 3, [WON])
    refused = decide(folder, GateConfig(), NEW, OLD, FIRST)
    assert not refused["promoted"]
    assert decide(folder, GateConfig(), NEW, OLD, FIRST) == refused
    assert decide(folder, GateConfig(must_exceed="value"), NEW, OLD, FIRST)["promoted"]


def test_a_metric_that_gives_no_number_is_named(monkeypatch):
    module = types.ModuleType("odd")
    module.half = lambda messages, answer: float("nan")
    monkeypatch.setitem(sys.modules, "odd", module)
    with pytest.raises(UserError, match=r"gate\.metrics\.mine: odd:half gave nan"):
        load_metric("mine", "odd:half")([], "text")


def test_an_edited_metric_is_noticed_and_the_same_one_is_not_asked_again(
    run_dir: Path, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    config = GateConfig(metrics={"mine": "metric.py:score"})
    folder = contested(run_dir, [WON] * 3, [WON] * 2)
    calls = tmp_path / "calls"

    def mean_of(value: int) -> float:
        (tmp_path / "metric.py").write_text(
            "def score(messages, answer):\n"
            f"    open({str(calls)!r}, 'a').write('.')\n    return {value}\n"
        )
        metrics = decide(folder, config, NEW, OLD, FIRST)["metrics"]
        return metrics["custom"]["mine"]["mean"]

    assert (mean_of(1), mean_of(1)) == (1.0, 1.0)
    once = calls.stat().st_size
    assert mean_of(2) == 2.0 and calls.stat().st_size == 2 * once
    assert decide(folder, GateConfig(), NEW, OLD, FIRST)["metrics"]["custom"] == {}


def test_the_key_of_a_gate_without_metrics_is_what_it_was(run_dir: Path):
    folder = contested(run_dir, [WON], [])
    decide(folder, GateConfig(), NEW, OLD, FIRST)
    hashes = (
        rows_hash(table, read_rows(folder, table, HELD_OUT)) for table in (CANDIDATES, VERDICTS)
    )
    section = {"threshold": 0.5, "must_exceed": "low", "confidence": 0.95, "metrics": {}}
    key = stage_key(*hashes, section, [NEW, OLD, FIRST])
    assert stage_stamps(folder)["gate"]["key"] == key
