"""A round whose judge stopped it can be looked at, and goes on once the judge was mended under its
old name: the same command, no other call than what it had failed at."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from scripted import Raw, honest_judge, varied_policy
from small_run import read_json_lines, run

from rounds.folder import round_dir
from rounds.tables import read_rows

pytestmark = pytest.mark.slow


def will_not_judge_the_round(body: dict[str, Any]) -> str | Raw:
    """A judge that passes the dry calls and answers nothing of use to what the round asks."""
    asked = "".join(turn["content"] for turn in body["messages"])
    return "I would rather not say." if "Question" in asked else honest_judge(body)


def test_a_judge_out_of_bounds_is_seen_mended_and_asked_again(endpoint, tmp_path: Path):
    policy = endpoint(varied_policy)
    judge = endpoint(will_not_judge_the_round)
    lines = [json.dumps({"prompt": f"Question {number}?"}) for number in range(30)]
    (tmp_path / "prompts.jsonl").write_text("\n".join(lines))
    config = tmp_path / "mended.yaml"
    tree = {
        "name": "mended",
        "policy": {"endpoint": "policy"},
        "prompts": {"train": "prompts.jsonl", "gate": 4, "test": 4, "per_round": 10},
        "endpoints": {
            "policy": {"base_url": policy.base_url, "model": "m"},
            "judge": {"base_url": judge.base_url, "model": "m"},
        },
        "judge": {"endpoint": "judge"},
        "trainer": None,
    }
    config.write_text(yaml.safe_dump(tree))
    failed = run(tmp_path, "run", str(config), status=1, own_server=False)
    assert "judge.health.bounds.max_failures" in failed.stderr
    assert "mend the judge and run the same command again" in failed.stderr

    state = json.loads(run(tmp_path, "status", "runs/mended", "--json").stdout)["under_way"]
    assert state["done"] == ["prompts", "sample", "judge"]
    assert state["next"] == state["stopped"]["stage"] == "health"
    assert "max_failures" in state["stopped"]["reason"]
    crossed = [bound["name"] for bound in state["stopped"]["bounds"] if bound["crossed"]]
    assert "max_failures" in crossed
    said = " ".join(run(tmp_path, "status", "runs/mended").stdout.split())
    assert "at most 0.2 BROKEN" in said and "not_json" in said and "to go on" in said
    shown = read_json_lines(run(tmp_path, "show", "runs/mended", "1", "--json").stdout)
    assert len(shown) == 10
    assert {row["reason"] for pair in shown for row in pair["verdicts"]} == {"not_json"}

    asked, judge.script = len(judge.requests), honest_judge
    done = run(tmp_path, "run", str(config), own_server=False)
    assert "calls without a verdict are asked again" in done.stderr
    assert "nothing was trained: trainer is null" in " ".join(done.stdout.split())
    folder = round_dir(tmp_path / "runs/mended", 1)
    assert read_rows(folder, "pairs")
    answered = {row["request_key"] for row in read_rows(folder, "verdicts")}
    again = [body["messages"][-1:] for body in judge.requests[asked:]]
    assert sum("Question" in turn["content"] for turns in again for turn in turns) == len(answered)
    assert not (folder / "work").exists()
