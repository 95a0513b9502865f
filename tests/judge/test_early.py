"""Judging for a gate that stops as soon as it is decided."""

from pathlib import Path

import pytest
from builders import begun, candidate_row, prompt_row
from scripted import honest_judge

from gate.config import GateConfig
from gate.stage import decide
from judge.config import JudgeConfig
from judge.early import Against
from judge.held_out import judge_held_out
from rounds.early import STEP, Early, in_order
from rounds.rows import PROMPTS, VERDICTS
from rounds.tables import read_rows

CONFIG = JudgeConfig(endpoint="desk")
GATE = GateConfig(sequential=True)
RULE = Early(0, 0.5, 0.95)
PROMPTS_OF_GATE, PROMPTS_OF_TEST = 64, 4


def held_out(run_dir: Path, new: int, old: int = 5) -> Path:
    """A round whose trained policy writes answers of one quality, and the others of another."""
    prompts = [prompt_row(f"gate {n}", "gate") for n in range(PROMPTS_OF_GATE)]
    prompts += [prompt_row(f"test {n}", "test") for n in range(PROMPTS_OF_TEST)]
    candidates = [
        candidate_row(prompt, f"quality {value} of {policy}", 0, policy)
        for prompt in prompts
        for policy, value in (("new", new), ("old", old), ("first", 2))
    ]
    return begun(run_dir, prompts=prompts, candidates=candidates)


@pytest.mark.parametrize(("new", "promoted"), [(8, True), (3, False)])
def test_a_clear_gate_stops_asking_and_the_test_prompts_are_asked_all_the_same(
    run_dir, endpoint, desk, new, promoted
):
    folder, at = held_out(run_dir, new), endpoint(honest_judge)
    judge_held_out(folder, CONFIG, desk(at), "new", against=Against(RULE, "old"))
    rows = read_rows(folder, VERDICTS)
    found = decide(folder, GATE, "new", "old", "first")
    early = found["metrics"]["early"]
    asked = {row["prompt_id"] for row in rows if row["split"] == "gate"}
    order = in_order((row["prompt_id"] for row in read_rows(folder, PROMPTS, ["gate"])), 0)
    assert found["promoted"] is promoted
    assert asked == set(order[: early["asked"]])
    assert early["asked"] % STEP == 0 and early["asked"] < PROMPTS_OF_GATE
    assert len({row["prompt_id"] for row in rows if row["split"] == "test"}) == PROMPTS_OF_TEST
    assert early["comparisons_saved"] == 2 * (PROMPTS_OF_GATE - early["asked"])
    assert len(at.requests) == 4 * (early["asked"] + PROMPTS_OF_TEST)


def test_rates_of_a_gate_that_stopped_have_the_sequences_interval_and_say_so(
    run_dir, endpoint, desk
):
    folder, at = held_out(run_dir, 8), endpoint(honest_judge)
    judge_held_out(folder, CONFIG, desk(at), "new", against=Against(RULE, "old"))
    found = decide(folder, GATE, "new", "old", "first")
    metrics = found["metrics"]
    for name in ("win_rate_vs_previous", "win_rate_vs_initial"):
        rate = metrics["gate"][name]
        assert rate["interval"] == "confidence sequence" and rate["bootstrap"] is None
        assert rate["n"] == metrics["early"]["asked"] and rate["abstained"] == 0
    assert metrics["test"]["win_rate_vs_previous"]["interval"] == "score"
    assert metrics["decision"]["low"] == metrics["early"]["low"]
    assert "value biased by stopping, error rate at most 2.5%" in found["reasons"][0]


def test_a_gate_that_was_killed_asks_nothing_again_and_goes_the_same_way(run_dir, endpoint, desk):
    folder, at = held_out(run_dir, 8), endpoint(honest_judge)
    judge_held_out(folder, CONFIG, desk(at), "new", against=Against(RULE, "old"))
    rows, asked = read_rows(folder, VERDICTS), len(at.requests)
    (folder / "work" / "judge_held_out.json").unlink()
    judge_held_out(folder, CONFIG, desk(at), "new", against=Against(RULE, "old"))
    assert read_rows(folder, VERDICTS) == rows and len(at.requests) == asked


def test_no_more_prompts_than_the_most_are_asked_about(run_dir, endpoint, desk):
    folder, at = held_out(run_dir, 5), endpoint(honest_judge)
    rule = RULE._replace(most=12)
    judge_held_out(folder, CONFIG, desk(at), "new", against=Against(rule, "old"))
    asked = {row["prompt_id"] for row in read_rows(folder, VERDICTS, ["gate"])}
    assert len(asked) <= 12
    config = GateConfig(sequential=True, max_prompts=12)
    found = decide(folder, config, "new", "old", "first")
    assert not found["promoted"] and found["metrics"]["early"]["horizon"] == 12
