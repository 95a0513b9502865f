"""A policy and a judge at endpoints: pairs without weights, a judge that fails and comes back."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from scripted import Raw, honest_judge, quality
from small_run import read_json_lines, run

from rounds.folder import round_dir
from rounds.tables import read_rows

pytestmark = pytest.mark.slow


def test_a_hosted_round_outlasts_a_judge_that_fails_for_a_while(endpoint, tmp_path: Path):
    policy = endpoint(answer)
    judge = endpoint(failing_at_first(honest_judge))
    lines = [json.dumps({"prompt": f"Question {number}?"}) for number in range(40)]
    (tmp_path / "prompts.jsonl").write_text("\n".join(lines))
    config = tmp_path / "hosted.yaml"
    served = {
        "policy": {"base_url": policy.base_url, "model": "m"},
        "judge": {
            "base_url": judge.base_url,
            "model": "m",
            "max_retries": 0,
            "price": {"input": 100},
        },
    }
    tree = {
        "name": "hosted",
        "policy": {"endpoint": "policy"},
        "prompts": {"train": "prompts.jsonl", "gate": 4, "test": 4, "per_round": 20},
        "endpoints": served,
        "judge": {"endpoint": "judge"},
        "trainer": None,
    }
    config.write_text(yaml.safe_dump(tree))
    done = run(tmp_path, "run", str(config))
    assert "10 calls in a row" in done.stderr and "asking again" in done.stderr
    assert "nothing was trained: trainer is null" in " ".join(done.stdout.split())

    folder = round_dir(tmp_path / "runs/hosted", 1)
    pairs = read_rows(folder, "pairs")
    assert pairs
    for row in pairs:
        better, worse = (quality(row[side][0]["content"]) for side in ("chosen", "rejected"))
        assert better - worse == row["margin"] > 0
    asked = [json.dumps(each["messages"]) for each in judge.requests if each["messages"]]
    kept = {row["request_key"] for row in read_rows(folder, "verdicts")}
    assert len(asked) - 12 == len(set(asked)) == len(kept), "an answered question was asked again"
    shown = read_json_lines(run(tmp_path, "show", "runs/hosted", "1", "--json").stdout)
    assert len(shown) == len(pairs)


def answer(body: dict[str, Any]) -> Any:
    """The policy: an answer whose quality its seed decides."""
    if not body["messages"]:
        return Raw(400)
    return f"quality {1 + body['seed'] % 9} for {body['messages'][0]['content']}"


def failing_at_first(script: Any) -> Any:
    """A script whose first twelve questions meet a server that is down."""
    left = [12]

    def judged(body: dict[str, Any]) -> Any:
        if not body["messages"]:
            return Raw(400)
        if left[0]:
            left[0] -= 1
            return Raw(503)
        return script(body)

    return judged
