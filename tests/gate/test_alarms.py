"""The Goodhart alarm: the judge is pleased, and what it stands for is not."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest
from builders import begun, both, candidate_row, finished, prompt_row

from gate.alarms import goodhart
from gate.config import GateConfig
from gate.stage import decide
from gate.win_rate import win_rate
from rounds.contests import LOSS, TIE, WIN
from rounds.files import read_json
from rounds.report import round_lines


def share(wins: int, losses: int, ties: int = 0) -> dict[str, Any]:
    """A win rate as the gate has it."""
    return win_rate([WIN] * wins + [LOSS] * losses + [TIE] * ties, 0.95)._asdict()


def metrics(judged: dict[str, Any], **named: dict[str, Any]) -> dict[str, Any]:
    return {
        "gate": {"win_rate_vs_previous": judged},
        "custom": {name: {"gate_win_rate_vs_previous": rate} for name, rate in named.items()},
    }


def test_a_metric_that_does_not_follow_where_the_judge_leads_is_an_alarm():
    (alarm,) = goodhart(metrics(share(90, 10), gold=share(45, 55)), ["gold"])
    assert alarm == (
        "on the gate prompts the judge prefers the new policy (win rate 0.900 [0.820, 0.948]) "
        "and gold does not (0.450 [0.351, 0.552], n 100)"
    )


@pytest.mark.parametrize(
    ("judged", "metric", "alarms"),
    [
        (share(90, 10), share(10, 90), 1),
        (share(90, 10), share(50, 50), 1),
        (share(90, 10), share(0, 0, 100), 1),
        (share(90, 10), share(51, 49), 0),
        (share(55, 45), share(10, 90), 0),
        (share(10, 90), share(10, 90), 0),
        (share(6, 0), share(0, 6), 1),
        (share(5, 0), share(0, 5), 0),
        (share(0, 0), share(10, 90), 0),
        (share(90, 10), share(0, 0), 0),
    ],
    ids=[
        "down",
        "not up",
        "unmoved",
        "follows",
        "the judge is not sure",
        "both down",
        "few, and enough",
        "too few",
        "the judge decided none",
        "nothing to measure",
    ],
)
def test_the_alarm_wants_a_judge_that_is_sure_and_a_metric_that_is_not_up(judged, metric, alarms):
    assert len(goodhart(metrics(judged, gold=metric), ["gold"])) == alarms


def test_each_metric_that_stays_behind_is_named_and_no_other():
    found = metrics(share(90, 10), one=share(40, 60), two=share(60, 40), three=share(50, 50))
    alarms = goodhart(found, ["one", "two", "three"])
    assert [alarm.split(" does not")[0].split()[-1] for alarm in alarms] == ["one", "three"]
    assert goodhart(found, []) == []


@pytest.mark.parametrize(("liked", "alarms"), [("old", 1), ("new", 0)])
def test_the_gate_sounds_it_and_decides_as_before(run_dir: Path, monkeypatch, liked, alarms):
    module = types.ModuleType("truth")
    module.score = lambda messages, answer: float(answer.startswith(liked))
    monkeypatch.setitem(sys.modules, "truth", module)
    tables: dict[str, list] = {"prompts": [], "candidates": [], "verdicts": []}
    for number in range(20):
        prompt = prompt_row(f"gate {number}", "gate")
        new, old = (candidate_row(prompt, f"{who} text", 0, who) for who in ("new", "old"))
        tables["prompts"].append(prompt)
        tables["candidates"] += [new, old]
        tables["verdicts"] += both(new, old, "a", "a")
    config = GateConfig(metrics={"truth": "truth:score"})
    found = decide(begun(run_dir, **tables), config, "new", "old", "old")
    assert len(found["metrics"]["alarms"]) == alarms and found["promoted"]


def test_the_report_shows_every_alarm(run_dir: Path):
    folder = finished(run_dir)
    told = read_json(folder / "metrics.json") | {"alarms": ["the first", "the second"]}
    assert [value for what, value in round_lines(told) if what == "alarm"] == [
        "the first",
        "the second",
    ]
    assert "alarm" not in dict(round_lines(read_json(folder / "metrics.json")))
