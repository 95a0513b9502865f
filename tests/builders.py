"""Rows of the tables and whole rounds, made as the stages would make them."""

from pathlib import Path
from typing import Any

from rounds.folder import round_dir, start_round
from rounds.ids import digest, prompt_id, text_hash
from rounds.schema import TABLES
from rounds.stages import run_stage
from rounds.tables import Row, write_rows

POLICY = {"model": "rounds/0001/policy", "adapter": None, "policy_id": "p0", "served": None}


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def prompt_row(text: str = "Why?", split: str = "train") -> Row:
    return {
        "prompt_id": prompt_id(user(text)),
        "messages": user(text),
        "source": "here:1",
        "split": split,
        "set_aside": None,
    }


def candidate_row(
    prompt: Row, text: str, index: int = 0, policy: str = "p0", finish: str = "stop"
) -> Row:
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
    }


def verdict_row(a: Row, b: Row | None = None, **given: Any) -> Row:
    """A verdict on candidate rows: pairwise with `b`, else pointwise."""
    row: Row = dict.fromkeys(column.name for column in TABLES["verdicts"])
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
        **given,
    }
    name = digest(row["candidate_a"], row["candidate_b"], row["shown_first"])
    return {**row, "verdict_id": name, "request_key": name}


def both(a: Row, b: Row, first: str, second: str, reason: str | None = None) -> list[Row]:
    """The two rows of a comparison: its outcome with a shown first, and with b shown first."""
    why = [reason if outcome == "abstain" else None for outcome in (first, second)]
    return [
        verdict_row(a, b, shown_first="a", outcome=first, reason=why[0]),
        verdict_row(a, b, shown_first="b", outcome=second, reason=why[1]),
    ]


def scored(candidate: Row, score: float | None, reason: str | None = None) -> Row:
    outcome = "abstain" if score is None else "scored"
    return verdict_row(candidate, score=score, outcome=outcome, reason=reason)


def begun(run_dir: Path, number: int = 1, **tables: list[Row]) -> Path:
    """A round folder under way, with the tables that are given."""
    folder = round_dir(run_dir, number)
    start_round(folder, {"policy": POLICY, "initial": POLICY, "seed": 0})
    for table, rows in tables.items():
        write_rows(folder, table, rows)
    return folder


def stamped(folder: Path) -> None:
    """Stamps of the stages that every round has, as if they had run."""
    run_stage(folder, "prompts", "k", lambda: {"train": 1, "left": 2})
    run_stage(folder, "sample", "k", lambda: {"tokens": 7})
