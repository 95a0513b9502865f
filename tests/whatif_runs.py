"""Judged runs at scripted endpoints for `prefloop whatif`, and what a new run makes of them."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import yaml
from judges import ended, endpoints, one_token, sure_by_distance, worth
from scripted import Scripted, shown

from judge.config import JudgeConfig
from judge.health.examine import judge_gold
from judge.stage import judge_candidates
from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.folder import run_of
from rounds.tables import iter_rows

TOKEN = {"endpoint": "desk", "channel": "token", "scale": [0, 9], "tau": 0.6}
PAIRWISE = {**TOKEN, "strategy": "pairwise"}


def tokens(body: dict[str, Any]) -> dict[str, Any]:
    """Scores by one token, and compares the surer the further two qualities are apart."""
    answers = shown(body)
    if len(answers) == 2:
        return sure_by_distance(body)
    said = str(worth(answers[0]))
    return one_token(said, {said: 0.98})


def tree(
    judge: dict[str, Any], pairs: dict[str, Any] | None = None, n: int = 2, **at: Scripted
) -> dict[str, Any]:
    """A config of these judges; the model of `desk` is m-desk."""
    return {
        "name": "demo",
        "policy": "prefloop:starter/policy",
        "prompts": {"train": "train.jsonl", "gate": 2, "test": 2},
        "sampler": {"n": n},
        "endpoints": {
            name: {"base_url": scripted.base_url, "model": f"m-{name}"}
            for name, scripted in at.items()
        },
        "judge": judge,
        "pairs": pairs or {},
        "trainer": None,
    }


def judged(folder: Path, config: dict[str, Any], **at: Scripted) -> Path:
    """Let the round be judged by this config and its pairs be made, as a run does; it is finished
    then.
    """
    (run_of(folder) / "run.yaml").write_text(yaml.safe_dump(config))
    section = JudgeConfig.model_validate(config["judge"])
    with endpoints(run_of(folder), **at) as there:
        tau = judge_gold(folder, section, there)["tau"]
        judge_candidates(folder, section, there, tau)
    build_pairs(folder, PairsConfig.model_validate(config["pairs"]))
    ended(folder, config=config)
    return folder


def new_run(folder: Path, config: dict[str, Any], **at: Scripted) -> Path:
    """The same round, judged by this config in a copy of the run, whose journal it has."""
    run_dir = run_of(folder)
    copy = run_dir.with_name("again") / run_dir.name
    shutil.copytree(run_dir, copy)
    again = copy / folder.relative_to(run_dir)
    (again / "manifest.json").unlink()
    return judged(again, config, **at)


def kept(folder: Path) -> set[str]:
    """The ids of a round's pairs."""
    return {row["pair_id"] for row in iter_rows(folder, "pairs", columns=["pair_id"])}


def reasons(folder: Path) -> dict[str, str]:
    """The reasons of a round's dropped rows by their id."""
    return {row["pair_id"]: row["reason"] for row in iter_rows(folder, "dropped")}


def hashes(run_dir: Path) -> dict[str, str]:
    """Every file of a run, byte for byte."""
    files = [path for path in run_dir.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
