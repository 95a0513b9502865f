"""A policy and a judge at endpoints: pairs without weights, a judge that fails and comes back."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from scripted import Raw, honest_judge, quality, shown
from small_run import environment, read_json_lines, run

from rounds.folder import round_dir
from rounds.tables import read_rows

pytestmark = pytest.mark.slow


def test_a_hosted_round_outlasts_a_judge_that_fails_for_a_while(endpoint, tmp_path: Path):
    policy = endpoint(answer)
    script = DownAtFirst()
    judge = endpoint(script)
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
            "api_key_block": "judge-key",
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
    assert (
        "there is no Secret block 'judge-key'" in run(tmp_path, "run", str(config), status=2).stderr
    )
    keep = "from prefect.blocks.system import Secret; Secret(value='k').save('judge-key')"
    subprocess.run([sys.executable, "-c", keep], env=environment(tmp_path / "prefect"), check=True)
    done = run(tmp_path, "run", str(config))
    assert "10 calls in a row" in done.stderr and "asking again" in done.stderr
    assert "nothing was trained: trainer is null" in " ".join(done.stdout.split())

    folder = round_dir(tmp_path / "runs/hosted", 1)
    pairs = read_rows(folder, "pairs")
    assert pairs
    for row in pairs:
        better, worse = (quality(row[side][0]["content"]) for side in ("chosen", "rejected"))
        assert better - worse == row["margin"] > 0
    asked = [each for each in judge.requests if each["messages"] and not is_dry(each)]
    dry = [each for each in judge.requests if each["messages"] and is_dry(each)]
    assert len(dry) == 2, "each kind of question is tried once, and never again"
    kept = {row["request_key"] for row in read_rows(folder, "verdicts")}
    assert len(asked) - script.refused == len(kept), "an answered question was asked again"
    shown = read_json_lines(run(tmp_path, "show", "runs/hosted", "1", "--json").stdout)
    assert len(shown) == len(pairs)


def answer(body: dict[str, Any]) -> Any:
    """The policy: an answer whose quality its seed decides."""
    if not body["messages"]:
        return Raw(400)
    return f"quality {1 + body['seed'] % 9} for {body['messages'][0]['content']}"


def is_dry(body: dict[str, Any]) -> bool:
    """Whether the judge is only tried out: on texts that are none of the round's."""
    return not any(map(quality, shown(body)))


class DownAtFirst:
    """A judge whose server is down until it has been left alone for three seconds."""

    def __init__(self) -> None:
        self.refused = 0
        self.last = 0.0
        self.lock = threading.Lock()  # questions come from many threads

    def __call__(self, body: dict[str, Any]) -> Any:
        if not body["messages"]:
            return Raw(400)
        if is_dry(body):
            return honest_judge(body)
        with self.lock:
            now, before = time.monotonic(), self.last
            if before == 0.0 or 0 < now - before < 3.0:
                self.last = now
                self.refused += 1
                return Raw(503)
            self.last = -1.0  # up from now on
        return honest_judge(body)
