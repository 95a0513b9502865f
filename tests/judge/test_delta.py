"""Pairs of a stronger and a weaker source: compared, confirmed like any other, and counted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import begun, candidate_row, prompt_row
from scripted import asks_for_a_score, honest_judge, quality, shown

from judge.config import JudgeConfig
from judge.delta import COUNTED
from judge.panel import panel_identity
from judge.stage import judge_candidates
from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.report import _delta
from rounds.tables import read_rows

DELTA = {"better": "large", "worse": "small"}


def config(**given: Any) -> JudgeConfig:
    select = {"rule": "delta", "delta": DELTA, "tries": 1}
    return JudgeConfig(endpoint="desk", select=select, **given)


def answered(run_dir: Path, *prompts: list[tuple[str, int]]) -> Path:
    """A round whose train prompts have answers of these sources and qualities."""
    rows = [prompt_row(f"question {number}") for number in range(len(prompts))]
    candidates = [
        candidate_row(prompt, f"quality {value} of {source} {index}", index) | {"source": source}
        for prompt, answers in zip(rows, prompts, strict=True)
        for index, (source, value) in enumerate(answers)
    ]
    return begun(run_dir, prompts=rows, candidates=candidates)


MIXED: list[list[tuple[str, int]]] = [
    [("current", 9), ("current", 1), ("large", 6), ("large", 5), ("small", 4), ("small", 3)],
    [("large", 3), ("small", 7)],
    [("large", 8), ("current", 2)],
    [("small", 2), ("large", 8)],
]


def judge_of(verdict: str) -> Callable[[dict[str, Any]], str]:
    """Scores honestly; says this in every comparison, or, `turned`, that the worse one wins."""

    def judge(body: dict[str, Any]) -> str:
        if asks_for_a_score(body):
            return honest_judge(body)
        first, second = map(quality, shown(body))
        said = ("B" if first > second else "A") if verdict == "turned" else verdict
        return json.dumps({"rationale": "x", "verdict": said})

    return judge


def counted(**counts: int) -> dict[str, Any]:
    return {**DELTA, **dict.fromkeys(COUNTED, 0), **counts}


def test_only_what_the_judge_confirms_becomes_a_pair(run_dir: Path, endpoint, desk):
    folder = answered(run_dir, *MIXED)
    facts = judge_candidates(folder, config(), desk(endpoint(honest_judge)))
    assert facts["delta"] == counted(confirmed=2, not_compared=2)
    assert build_pairs(folder, PairsConfig())["kept"] == 2
    pairs = read_rows(folder, "pairs")
    sides = {(pair["chosen_source"], pair["rejected_source"]) for pair in pairs}
    assert sides == {("large", "small")}
    texts = {(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in pairs}
    assert ("quality 6 of large 2", "quality 3 of small 5") in texts


@pytest.mark.parametrize(
    ("judge", "counts", "reason"),
    [
        ("turned", {"reversed": 2}, "screen_disagrees"),
        ("tie", {"tie": 2}, "tie"),
        ("A", {"abstained": 2}, "abstain:flip"),
    ],
)
def test_what_is_not_confirmed_is_counted_and_dropped_with_its_reason(
    run_dir: Path, endpoint, desk, judge: str, counts: dict[str, int], reason: str
):
    folder = answered(run_dir, *MIXED)
    facts = judge_candidates(folder, config(), desk(endpoint(judge_of(judge))))
    assert facts["delta"] == counted(**counts, not_compared=2)
    assert build_pairs(folder, PairsConfig())["dropped"] == {"no_margin": 2, reason: 2}
    [(_, said)] = _delta(facts["delta"])
    [name] = counts
    assert said == f"large over small: 0 of 2 confirmed, {name} 2, not compared 2"


def test_another_rule_counts_nothing_and_a_round_that_has_begun_is_not_judged_again(
    run_dir: Path, endpoint, desk
):
    folder, endpoints = answered(run_dir, *MIXED), desk(endpoint(honest_judge))
    assert "delta" not in judge_candidates(folder, JudgeConfig(endpoint="desk"), endpoints)
    assert _delta(None) == []
    section, *_ = panel_identity(JudgeConfig(endpoint="desk"), endpoints, ["desk"])
    assert "delta" not in section["select"], "a round of before had no such key"
    section, *_ = panel_identity(config(), endpoints, ["desk"])
    assert section["select"]["delta"] == DELTA
