"""A run of two finished rounds by the stages' own functions, at a scripted judge, in a second; and
what a forger would do to one.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from builders import prompt_row
from integrity import planted

from endpoints.open import Endpoints
from flows.config import Config, dump_config
from flows.verify.run import verify
from gate.stage import decide
from judge.held_out import judge_held_out
from judge.stage import judge_candidates
from pairs.stage import build_pairs
from rounds.checks import FAILED, Check
from rounds.files import read_json, write_json
from rounds.finish import finish_round
from rounds.folder import policy_facts, policy_history, policy_of, round_dir, write_round_start
from rounds.ids import file_hash, text_hash
from rounds.rows import Candidate, Prompt
from rounds.stages import run_stage, silent
from rounds.tables import read_rows, write_rows
from rounds.weights import Policy, local_policy
from sampler.requests import PromptRequest, candidate_id, held_out_requests, train_requests
from sampler.writers import Writer, writer_in_place

ASKED = (
    *("how to boil an egg", "where whales sleep", "why leaves turn red", "what a comet is made of"),
    *("who drew the first map", "when bread was sliced", "which bird flies backwards"),
    *("how glass is blown", "why the sea is salty", "what makes thunder loud", "how bees dance"),
    *(
        "where rivers begin",
        "why cats purr",
        "what moss eats",
        "how clocks tick",
        "who tamed wheat",
    ),
)
WORTHS = ((9, 4), (2, 8), (5, 5), (7, 1))
"""Worth of the two answers to each train prompt, in turns; the third is a tie."""

judge_script = planted()


def config_at(base_url: str, policy: Path) -> Config:
    return Config.model_validate(
        {
            "name": "demo",
            "policy": str(policy),
            "prompts": {"train": "train.jsonl", "gate": "gate.jsonl", "test": "test.jsonl"},
            "endpoints": {"desk": {"base_url": base_url, "model": "m", "max_retries": 0}},
            "judge": {"endpoint": "desk", "scale": [1, 10], "select": {"rule": "best_worst"}},
            "sampler": {"n": 2},
            "gate": {"must_exceed": "value"},
        }
    )


def two_finished_rounds(run_dir: Path, base_url: str) -> Path:
    """The run folder; the policy of the first round is promoted."""
    run_dir.mkdir(parents=True)
    first = weights(run_dir.parent / "first", "first")
    config = config_at(base_url, Path(first.model))
    (run_dir / "run.yaml").write_text(dump_config(config))
    for number in (1, 2):
        finished_round(run_dir, number, config, first)
    return run_dir


def weights(folder: Path, said: str) -> Policy:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_text(said)
    return local_policy(folder)


def finished_round(run_dir: Path, number: int, config: Config, first: Policy) -> None:
    folder = round_dir(run_dir, number)
    history = policy_history(run_dir)
    policy = policy_of(run_dir, history["current"]) if history else first
    start = {"policy": policy_facts(run_dir, policy), "initial": policy_facts(run_dir, first)}
    write_round_start(folder, {**start, "seed": config.seed, "near_held_out": 0.8})
    write_rows(folder, "prompts", prompts(number))
    run_stage(folder, "prompts", "k", lambda: {"train": 8, "left": 0})
    run_stage(folder, "sample", "k", lambda: {"tokens": 7})
    writer = writer_in_place(config.sampler, policy)
    train = [
        candidate(request, writer, place, worths[place])
        for request, worths in zip(
            train_requests(folder, [writer], config.seed), WORTHS * 2, strict=True
        )
        for place in (0, 1)
    ]
    trained = weights(folder / "policy", f"trained in round {number}")
    policies = {one.policy_id: (one, worth) for one, worth in ((first, 2), (policy, 4))}
    policies[trained.policy_id] = (trained, 7)
    held_out = [
        candidate(request, writer_in_place(config.sampler, one), 0, worth)
        for request in held_out_requests(folder, config.seed)
        for one, worth in policies.values()
    ]
    write_rows(folder, "candidates", [*train, *held_out])
    with Endpoints(config.endpoints, run_dir / "logs") as endpoints:
        judge_candidates(folder, config.judge, endpoints, float(config.judge.tau))
        build_pairs(folder, config.pairs, silent)
        judge_held_out(folder, config.judge, endpoints, trained.policy_id)
    ids = trained.policy_id, policy.policy_id, first.policy_id
    finish_round(folder, dump_config(config), trained, decide(folder, config.gate, *ids))


def prompts(number: int) -> list[Prompt]:
    """Eight train prompts of the round, two gate and two test prompts of the run."""
    first = (number - 1) * 8
    train = [prompt_row(f"question {at}: {ASKED[at]}?") for at in range(first, first + 8)]
    held_out = [
        prompt_row(f"question {at}: {said}?", "gate" if at < 102 else "test")
        for at, said in enumerate(HELD_OUT_ASKED, 100)
    ]
    return [*train, *held_out]


HELD_OUT_ASKED = (
    "which of the old lighthouses along the northern coast was lit by whale oil before it was lit "
    "by gas and then by a lamp",
    "what became of the wooden bridge that carried the post over the gorge until the flood took it",
    "who keeps the seeds of every apple that was ever sold at the market of a small town",
    "how does a clockmaker tell by ear that a pendulum is a hair too long for its case",
)


def candidate(request: PromptRequest, writer: Writer, index: int, worth: int) -> Candidate:
    number = request.messages[0]["content"].split()[1].rstrip(":")
    text = f"worth {worth} for question {number}, answer {index}"
    assert writer.policy is not None
    return {
        "candidate_id": candidate_id(request, writer, index),
        "prompt_id": request.prompt_id,
        "split": request.split,
        "policy_id": writer.policy.policy_id,
        "index": index,
        "text": text,
        "text_hash": text_hash(text),
        "token_ids": [1, 2],
        "n_tokens": 2,
        "logprob": -1.0,
        "finish_reason": "stop",
        "seed": request.seed,
        "source": "current",
        "revised_from": None,
        "critique": None,
        "prompt_token_ids": None,
    }


def checks(run_dir: Path, *numbers: int) -> list[Check]:
    folders = [round_dir(run_dir, number) for number in numbers or (1, 2)]
    return list(verify(run_dir, folders, None, lambda name: silent))


def failed(run_dir: Path, *numbers: int) -> dict[str, list[tuple[str, str | None]]]:
    """By the name of each check that failed, the tables and rows that it named."""
    return {
        check.name: [(fault.table, fault.row) for fault in check.faults]
        for check in checks(run_dir, *numbers)
        if check.state == FAILED
    }


def edit(
    folder: Path,
    table: Any,
    change: Callable[[list[Any]], Sequence[Any]],
    fix_hashes: bool = True,
) -> None:
    """Write a table anew; a forger who is careful puts the manifest's hashes right."""
    write_rows(folder, table, change(read_rows(folder, table)))
    if fix_hashes:
        hashes_put_right(folder)


def hashes_put_right(folder: Path) -> None:
    def change(facts: dict[str, Any]) -> None:
        names = {*facts["files"], *(path.name for path in folder.glob("*.parquet"))}
        facts["files"] = {name: file_hash(folder / name) for name in sorted(names)}

    edit_manifest(folder, change)


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    facts = read_json(folder / "manifest.json")
    change(facts)
    write_json(folder / "manifest.json", facts)


def recounted(folder: Path) -> None:
    """The counts of manifest and metrics.json made those of the tables, and the hashes right."""
    metrics = read_json(folder / "metrics.json")
    counts = metrics["counts"]
    counts["pairs"] = len(read_rows(folder, "pairs"))
    counts["verdicts"] = len(read_rows(folder, "verdicts", ["train"]))
    reasons = [row["reason"] for row in read_rows(folder, "dropped")]
    counts["dropped"] = {reason: reasons.count(reason) for reason in sorted({*reasons})}
    write_json(folder / "metrics.json", metrics)
    edit_manifest(folder, lambda facts: facts.update(counts=counts))
    hashes_put_right(folder)


def edit_replies(run_dir: Path, key: str, change: Callable[[str], str]) -> None:
    """Write another answer into the journal."""
    with sqlite3.connect(run_dir / "journal.sqlite") as db:
        ((answer,),) = db.execute("SELECT answer FROM answers WHERE key = ?", (key,))
        db.execute("UPDATE answers SET answer = ? WHERE key = ?", (change(answer), key))
    db.close()


def table_bytes(run_dir: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(run_dir.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()
