"""Win rates by tag, from the prompts to the round's table."""

from pathlib import Path

from builders import begun, both, candidate_row, finished, prompt_row

from gate.by_tag import by_tag
from gate.config import GateConfig
from gate.stage import decide
from gate.win_rate import win_rate
from rounds.files import read_json
from rounds.report import round_lines


def test_a_prompt_counts_for_each_of_its_tags_and_one_without_for_none():
    contests = [
        (["b", "a"], "win"),
        (["a"], "loss"),
        (["a"], "abstain"),
        (None, "win"),
        ([], "tie"),
    ]
    found = by_tag(contests, lambda outcomes: win_rate(outcomes, 0.95))
    assert list(found) == ["a", "b"]
    assert (found["a"]["value"], found["a"]["n"], found["a"]["abstained"]) == (0.5, 2, 1)
    assert (found["b"]["value"], found["b"]["n"]) == (1.0, 1)


def test_the_gate_reports_each_tag_against_the_policy_in_place(run_dir: Path):
    tables: dict[str, list] = {"prompts": [], "candidates": [], "verdicts": []}
    for number, (tags, order) in enumerate(
        [(["code"], "a"), (["code", "maths"], "b"), (None, "a")]
    ):
        prompt = {**prompt_row(f"gate {number}", "gate"), "tags": tags}
        new, old = (candidate_row(prompt, name, 0, name) for name in ("new", "old"))
        tables["prompts"].append(prompt)
        tables["candidates"] += [new, old]
        tables["verdicts"] += both(new, old, order, order)
    folder = begun(run_dir, **tables)
    metrics = decide(folder, GateConfig(), "new", "old", "old")["metrics"]
    tags = metrics["gate"]["by_tag_vs_previous"]
    assert {tag: (rate["value"], rate["n"]) for tag, rate in tags.items()} == {
        "code": (0.5, 2),
        "maths": (0.0, 1),
    }
    assert metrics["test"]["by_tag_vs_previous"] == {}


def test_the_table_of_a_round_has_the_tags_and_where_its_prompts_come_from(run_dir: Path):
    metrics = read_json(finished(run_dir) / "metrics.json")
    assert "prompts: from" not in dict(round_lines(metrics))
    rate = {"value": 0.5, "low": 0.3, "high": 0.7, "n": 12, "abstained": 0}
    metrics["gate"] = {"by_tag_vs_previous": {"code": rate, "maths": {**rate, "value": None}}}
    metrics["prompts"] = {
        "epoch": 2,
        "near_held_out": 3,
        "sources": {"a.jsonl": {"dealt": 5, "left": 0}},
        "generated": {"prompts": 7, "calls": 9, "rejected": {"answer": 2}, "ended": "calls"},
    }
    lines = dict(round_lines(metrics))
    assert lines["gate: by tag (reported)"] == "code 0.50 n=12"
    assert lines["prompts: epoch"] == "2"
    assert lines["prompts: left out"] == "3 near held-out ones"
    assert lines["prompts: from"] == (
        "a.jsonl 5 (0 left), generated 7 in 9 calls, not taken: answer 2, ended: calls"
    )
