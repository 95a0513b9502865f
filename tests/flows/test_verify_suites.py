"""Regression suites are verified: ids and hashes of the answers, and what the scores come to."""

import json
from pathlib import Path
from typing import Any

from builders import finished
from configs import TREE, load

from flows.verify.derive import check_suites
from gate.suites import all_figures, load_score
from rounds.checks import Looked
from rounds.files import read_json, write_json
from rounds.rows import SUITES
from rounds.tables import read_rows, write_rows
from rounds.weights import Policy
from sampler.suite_prompts import SuitePrompts, read_suite
from sampler.suites import answer_suites

OLD, NEW = (Policy("desk", None, name, served="desk") for name in ("desk/old", "desk/new"))


def test_answers_and_figures_that_are_not_what_they_say_are_found(
    run_dir: Path, tmp_path: Path, endpoint, desk
):
    path = tmp_path / "suite.jsonl"
    rows = [{"prompt": f"is {i} a number?", "reference": "yes"} for i in range(9)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = load(tmp_path, TREE, f"gate.suites.s={{prompts: {path}, score: exact}}")
    folder = finished(run_dir)
    suites = {"s": SuitePrompts(read_suite("s", str(path)), 3)}
    at = desk(endpoint(lambda body: "yes" if body["seed"] % 3 else "no"))
    answer_suites(folder, config.sampler, suites, OLD, NEW, 0, at)
    ids, own = (NEW.policy_id, OLD.policy_id), config.gate.suites
    scores = {"s": load_score("s", own["s"])[0]}
    figures = all_figures(own, scores, read_rows(folder, SUITES), *ids, config.gate.confidence)
    metrics = read_json(folder / "metrics.json")
    write_json(folder / "metrics.json", metrics | {"suites": figures})
    facts = {"trained": NEW._asdict(), "policy": OLD._asdict()}

    def faults() -> set[str]:
        looked = Looked()
        check_suites(looked, folder, config, facts)
        return {fault.what for fault in looked.faults}

    assert faults() == set()
    answers: list[Any] = read_rows(folder, SUITES)
    write_rows(
        folder, SUITES, [answers[0] | {"index": 7}, answers[1] | {"text": "?"}, *answers[2:]]
    )
    assert faults() == {
        "its id is not that of its prompt, policy and seed",
        "its text is not that of its hash",
        "is not what its answers say",
    }
