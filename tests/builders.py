"""Rows of the tables and whole rounds, made as the stages would make them."""

from pathlib import Path
from typing import Any

from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.finish import finish_round
from rounds.folder import policy_history, round_dir, write_round_start
from rounds.ids import digest, prompt_id, text_hash
from rounds.rows import Candidate, Prompt, Verdict
from rounds.schema import TABLES
from rounds.stages import run_stage
from rounds.tables import write_rows
from rounds.weights import Policy

POLICY = {"model": "rounds/0001/policy", "adapter": None, "policy_id": "p0", "served": None}

REFUSED = {"promoted": False, "reasons": ["too weak"]}


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def prompt_row(text: str = "Why?", split: str = "train") -> Prompt:
    return {
        "prompt_id": prompt_id(user(text)),
        "messages": user(text),
        "source": "here:1",
        "split": split,
        "set_aside": None,
        "reference": None,
        "guidelines": None,
        "tags": None,
    }


def candidate_row(
    prompt: Prompt, text: str, index: int = 0, policy: str = "p0", finish: str = "stop"
) -> Candidate:
    return {
        "candidate_id": digest(prompt["prompt_id"], policy, index),
        "prompt_id": prompt["prompt_id"],
        "split": prompt["split"],
        "policy_id": policy,
        "index": index,
        "text": text,
        "text_hash": text_hash(text),
        "token_ids": [1, 2],
        "n_tokens": 2,
        "logprob": -1.0,
        "finish_reason": finish,
        "seed": 4096,
        "source": "current",
        "revised_from": None,
        "critique": None,
        "prompt_token_ids": None,
    }


def verdict_row(a: Candidate, b: Candidate | None = None, **given: Any) -> Verdict:
    """A verdict on candidate rows: pairwise with `b`, else pointwise."""
    row = dict.fromkeys(column.name for column in TABLES["verdicts"])
    row |= {
        "prompt_id": a["prompt_id"],
        "split": a["split"],
        "kind": "pairwise" if b else "pointwise",
        "candidate_a": a["candidate_id"],
        "candidate_b": b["candidate_id"] if b else None,
        "judge_id": "desk/m",
        "rubric_hash": "r",
        "prompt_tokens": 10,
        "completion_tokens": 3,
        "cost": 0.5,
        "cached_tokens": 4,
        "estimated": False,
        "purpose": "confirm" if b else "screen",
        "level": 0,
        "repeat": 0,
        "flags": [],
        **given,
    }
    name = digest(row["candidate_a"], row["candidate_b"], row["shown_first"])
    return {**row, "verdict_id": name, "request_key": name}


def both(
    a: Candidate, b: Candidate, first: str, second: str, reason: str | None = None
) -> list[Verdict]:
    """The two rows of a comparison: its outcome with a shown first, and with b shown first."""
    why = [reason if outcome == "abstain" else None for outcome in (first, second)]
    return [
        verdict_row(a, b, shown_first="a", outcome=first, reason=why[0]),
        verdict_row(a, b, shown_first="b", outcome=second, reason=why[1]),
    ]


def scored(candidate: Candidate, score: float | None, reason: str | None = None) -> Verdict:
    outcome = "abstain" if score is None else "scored"
    return verdict_row(candidate, score=score, outcome=outcome, reason=reason)


def begun(run_dir: Path, number: int = 1, **tables: list[Any]) -> Path:
    """A round folder under way, with the tables that are given."""
    folder = round_dir(run_dir, number)
    write_round_start(folder, {"policy": POLICY, "initial": POLICY, "seed": 0})
    for table, rows in tables.items():
        write_rows(folder, table, rows)
    return folder


def stamped(folder: Path) -> None:
    """Stamps of the stages that every round has, as if they had run."""
    run_stage(folder, "prompts", "k", lambda: {"train": 1, "left": 2})
    run_stage(folder, "sample", "k", lambda: {"tokens": 7})


def finished(run_dir: Path, number: int = 1, decision: dict = REFUSED) -> Path:
    """A finished round with one pair and one dropped row; its policy is `p<number>`."""
    tables: dict = {"prompts": [], "candidates": [], "verdicts": []}
    for text, orders in (("kept", ("a", "a")), ("dropped", ("a", "b"))):
        prompt = prompt_row(f"{text} {number}")
        a, b = candidate_row(prompt, "good"), candidate_row(prompt, "bad", 1)
        tables["prompts"].append(prompt)
        tables["candidates"] += [a, b, candidate_row(prompt, "other", 2)]
        tables["verdicts"] += both(a, b, *orders)
    history = policy_history(run_dir)
    folder = begun(run_dir, number, **tables)
    if history:
        write_round_start(folder, {"policy": history["current"], "initial": POLICY, "seed": 0})
    (run_dir / "run.yaml").write_text("name: demo\n")
    stamped(folder)
    build_pairs(folder, PairsConfig())
    (folder / "policy").mkdir(exist_ok=True)
    trained = Policy(str(folder / "policy"), None, f"p{number}")
    finish_round(folder, "name: demo\n", trained, decision)
    return folder


def confirmed(
    a: Candidate, b: Candidate, scores: tuple[float, float] | None = (9, 3)
) -> list[Verdict]:
    """a wins in both orders; with the screen's scores."""
    screen = [] if scores is None else [scored(a, scores[0]), scored(b, scores[1])]
    return [*screen, *both(a, b, "a", "a")]
