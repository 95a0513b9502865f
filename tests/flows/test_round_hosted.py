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
from scripted import Raw, honest_judge, quality, shown, varied_policy
from small_run import environment, read_json_lines, run

from rounds.folder import round_dir
from rounds.tables import read_rows

pytestmark = pytest.mark.slow


def test_a_hosted_round_outlasts_a_judge_that_fails_for_a_while(endpoint, tmp_path: Path):
    policy = endpoint(varied_policy)
    script = DownAtFirst()
    judge = endpoint(script)
    lines = [json.dumps({"prompt": f"Question {number}?"}) for number in range(40)]
    mine = tmp_path / "mine [v2]"
    mine.mkdir()
    (mine / "prompts.jsonl").write_text("\n".join(lines))
    (mine / "longer.py").write_text("def score(_, answer):\n    return len(answer)\n")
    config = mine / "hosted.yaml"
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
        "gate": {"metrics": {"longer": "longer.py:score"}},
    }
    config.write_text(yaml.safe_dump(tree))
    there = ("run", str(config.relative_to(tmp_path)))
    proxy = dict.fromkeys(("HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")
    assert "prompts.train: no such file" in run(tmp_path, *there, status=2).stderr
    there += ("--relative-to-config",)
    assert "there is no Secret block 'judge-key'" in run(tmp_path, *there, status=2, **proxy).stderr
    keep = "from prefect.blocks.system import Secret; Secret(value='k').save('judge-key')"
    subprocess.run([sys.executable, "-c", keep], env=environment(tmp_path / "prefect"), check=True)
    done = run(tmp_path, *there, **proxy)
    assert "is away and waited for" in done.stderr and "is there again" in done.stderr
    assert "nothing was trained: trainer is null" in " ".join(done.stdout.split())

    assert "prefloop show 'mine [v2]/runs/hosted' 1 " in done.stdout

    folder = round_dir(mine / "runs/hosted", 1)
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
    shown = read_json_lines(run(mine, "show", "runs/hosted", "1", "--json").stdout)
    assert len(shown) == len(pairs)


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
