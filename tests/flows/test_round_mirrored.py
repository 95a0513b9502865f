"""Whole rounds of one run on two machines, by the mirror alone."""

import json
import sqlite3
from pathlib import Path

import pytest
import yaml
from scripted import honest_judge, varied_policy
from small_run import run, typed

from rounds.folder import finished_rounds, round_dir
from rounds.tables import read_rows

pytestmark = pytest.mark.slow


def test_a_run_goes_on_elsewhere_and_nothing_answered_is_asked_again(endpoint, tmp_path: Path):
    policy, judge = endpoint(varied_policy), endpoint(honest_judge)
    gold = [
        {"prompt": f"Gold {n}?", "chosen": "quality 9", "rejected": "quality 1"} for n in range(6)
    ]
    prompts = [{"prompt": f"Question {number}?"} for number in range(40)]
    tree = {
        "name": "hosted",
        "mirror": f"file://{tmp_path}/mirror",
        "policy": {"endpoint": "policy"},
        "prompts": {"train": "prompts.jsonl", "gate": 4, "test": 4, "per_round": 8},
        "endpoints": {
            "policy": {"base_url": policy.base_url, "model": "m"},
            "judge": {"base_url": judge.base_url, "model": "m"},
        },
        "judge": {"endpoint": "judge", "gold": {"path": "gold.jsonl", "min_n": 1}},
        "trainer": None,
    }
    here, there = tmp_path / "here", tmp_path / "there"
    for machine in (here, there):
        machine.mkdir()
        for name, rows in (("prompts", prompts), ("gold", gold)):
            (machine / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
        (machine / "hosted.yaml").write_text(yaml.safe_dump(tree))

    assert "rounds 1; " in run(here, "run", "hosted.yaml").stderr
    second = run(there, "run", "hosted.yaml")
    assert "fetching the rounds up to 1" in second.stderr and "rounds 2; " in second.stderr

    asked = [each for each in judge.requests if each["messages"]]
    asked += [each for each in policy.requests if each["messages"]]
    with sqlite3.connect(there / "runs/hosted/journal.sqlite") as journal:
        ((kept,),) = journal.execute("SELECT count(*) FROM answers")
    assert len(asked) == kept, "an answer of the other machine was asked for again"
    dealt = [
        row["prompt_id"]
        for number in (1, 2)
        for row in read_rows(round_dir(there / "runs/hosted", number), "prompts")
        if row["split"] == "train"
    ]
    assert len(dealt) == len(set(dealt)) == 16

    calls = len(judge.requests)
    behind = run(here, "run", "hosted.yaml", status=2).stderr
    assert "has not (round 2): another machine went on" in behind
    assert len(judge.requests) == calls and len(finished_rounds(here / "runs/hosted")) == 1
    typed(there, "verify", "runs/hosted")
