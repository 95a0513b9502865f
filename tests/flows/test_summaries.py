"""examples/summarize.yaml in small: letters for articles, endpoints that are code, the command.

Nothing is trained (a policy at an endpoint writes the summaries); the gate with questions is in
tests/judge/strategies/test_questions.py, the whole loop in benchmarks/summaries.py.
"""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from letters import letters_endpoint, right_answers
from scripted import Scripted
from small_run import ROOT, run

from flows.load import load_config
from flows.plan import make_plan
from rounds.folder import read_metrics, round_dir
from rounds.tables import read_rows
from starter.world import combos, prompt_text, random_qualities, reply_text

pytestmark = pytest.mark.slow

LETTERS = 20
A_ROUND = 6


def summary(body: dict[str, Any]) -> str:
    """A reply of the small world by the call's seed, good in half of its qualities."""
    rng = random.Random(body.get("seed", 0))
    letter = body["messages"][-1]["content"]
    combo = next((one for one in combos() if prompt_text(one) == letter), combos()[0])
    return reply_text(rng, combo, random_qualities(rng))


def script(body: dict[str, Any]) -> Any:
    if "response_format" in body:
        return letters_endpoint(body)
    return summary(body) if body["messages"] else "{}"


def small(folder: Path, at: Scripted) -> Path:
    tree = yaml.safe_load((ROOT / "examples/summarize.yaml").read_text())
    letters = [prompt_text(one) for one in combos()[:: 4608 // LETTERS]][:LETTERS]
    lines = [json.dumps({"document": letter}) for letter in letters]
    (folder / "articles.jsonl").write_text("\n".join(lines) + "\n")
    served = {"base_url": at.base_url, "model": "m", "price": {"input": 1.0, "output": 2.0}}
    tree |= {
        "policy": {"endpoint": "policy"},
        "endpoints": dict.fromkeys(("policy", "writer", "reader"), served),
        "trainer": None,
        "sampler": {"n": 4, "sampling": {"max_tokens": 64}},
    }
    tree["prompts"] |= {"gate": 2, "test": 2, "per_round": A_ROUND, "near_held_out": 1.0}
    tree["judge"]["questions"]["n"] = 2
    tree["judge"]["health"] = {"sample": 2}
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def test_the_example_runs_two_rounds_on_a_cpu(tmp_path: Path, endpoint, monkeypatch):
    at = endpoint(script)
    config = small(tmp_path, at)
    monkeypatch.chdir(tmp_path)
    plan = make_plan(load_config(str(config)), tmp_path / "runs").numbers
    run(tmp_path, "run", str(config), "--rounds", "2", "--without-prefect-server")
    run_dir = tmp_path / "runs" / "summarize"
    for number in (1, 2):
        folder = round_dir(run_dir, number)
        pairs, verdicts = read_rows(folder, "pairs"), read_rows(folder, "verdicts")
        written = [row for row in verdicts if row["kind"] == "questions"]
        assert [row["outcome"] for row in written] == ["written"] * A_ROUND
        assert len(pairs) > 1
        for pair in pairs:
            letter = pair["prompt"][-1]["content"]
            chosen, rejected = (pair[side][0]["content"] for side in ("chosen", "rejected"))
            more, less = right_answers(letter, chosen), right_answers(letter, rejected)
            assert more > less or (more == less and len(chosen.split()) < len(rejected.split()))
        usage = read_metrics(folder)["usage"]
        assert usage["judge_cost"] > 0 and usage["label_per_pair"]["cost"] > 0
        assert usage["judge_calls"] <= plan["most_judge_calls"]
    shown = run(tmp_path, "show", "runs/summarize", "1", "--json").stdout
    assert "answers" in shown
    run(tmp_path, "verify", "runs/summarize")
