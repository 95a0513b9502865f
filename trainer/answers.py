"""Single answers that the judge's screen scored: what KTO learns from without a comparison."""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from rounds.folder import read_round_start
from rounds.rows import CANDIDATES, HELD_OUT, PROMPTS, VERDICTS, Candidate, Messages
from rounds.tables import iter_rows
from rounds.verdicts import SETTLED_BY, screen_scores
from texts.leaks import LeakFinder, LeakLimits
from texts.own_tokens import find_token
from trainer.rows import TrainingRow
from trainer.taught_config import ScoreLines

Labels = list[tuple[str, bool]]
"""Candidates, and whether each is desirable."""
COLUMNS = ("candidate_id", "prompt_id", "text", "finish_reason")


class Judged(NamedTuple):
    """The answers to learn from, and how many there are of each kind, or were left out and why."""

    labels: Labels
    facts: dict[str, Any]


def judged_answers(folder: Path, lines: ScoreLines, limits: LeakLimits) -> Judged:
    """The answers to the round's train prompts whose mean score lies on or beyond a line.

    One that was cut off, says nothing, has a control token in it or holds what a held-out prompt
    asks is left out, as the pairs' cleaners would. The rows are read as streams; a score for each
    candidate is held.
    """
    verdicts = iter_rows(folder, VERDICTS, ["train"], SETTLED_BY)
    scores = screen_scores([row for row in verdicts if row["purpose"] == "screen"])
    prompts = {
        row["prompt_id"]: row["messages"]
        for row in iter_rows(folder, PROMPTS, ["train"])
        if row["set_aside"] is None
    }
    held_out = LeakFinder(iter_rows(folder, PROMPTS, HELD_OUT), limits)
    held_out.discount_shared(prompts.values())
    tokens = tuple(read_round_start(folder).get("control_tokens", ()))
    labels: Labels = []
    counts, left_out = Counter[str](), Counter[str]()
    for row in iter_rows(folder, CANDIDATES, ["train"], COLUMNS):
        score = scores.get(row["candidate_id"])
        if score is None or row["prompt_id"] not in prompts:
            continue
        kind = lines.label(score)
        if kind is None:
            counts["between"] += 1
        elif reason := _fault(row, prompts[row["prompt_id"]], held_out, tokens):
            left_out[reason] += 1
        else:
            counts["desirable" if kind else "undesirable"] += 1
            labels.append((row["candidate_id"], kind))
    facts = {name: counts[name] for name in ("desirable", "undesirable", "between")}
    return Judged(labels, {**facts, "left_out": dict(sorted(left_out.items()))})


def _fault(
    row: Candidate, prompt: Messages, held_out: LeakFinder, tokens: tuple[str, ...]
) -> str | None:
    if row["finish_reason"] == "length":
        return "cut_off"
    if not row["text"].strip():
        return "empty"
    if find_token(row["text"], tokens):
        return "chat_tokens"
    leak = held_out.quoted_leak(prompt, [row["text"]])
    return leak.reason if leak else None


def answer_rows(folder: Path, labels: Labels) -> list[TrainingRow]:
    """Judged answers as rows to train on: both sides of each are the answer, `label` says which it
    is.
    """
    label_of = dict(labels)
    prompts = {
        row["prompt_id"]: row["messages"]
        for row in iter_rows(folder, PROMPTS, ["train"], ["prompt_id", "messages"])
    }
    return [
        _answer_row(row, prompts[row["prompt_id"]], label_of[row["candidate_id"]])
        for row in iter_rows(folder, CANDIDATES, ["train"])
        if row["candidate_id"] in label_of
    ]


def _answer_row(row: Candidate, prompt: Messages, label: bool) -> TrainingRow:
    answer = [{"role": "assistant", "content": row["text"]}]
    ids, cut = row["token_ids"], bool(row["prompt_token_ids"]) and row["token_ids"] is None
    return {
        "prompt": prompt,
        "chosen": answer,
        "rejected": answer,
        "prompt_token_ids": row["prompt_token_ids"],
        "chosen_token_ids": ids,
        "rejected_token_ids": ids,
        "cut": ["chosen", "rejected"] if cut else [],
        "prompts_differ": False,
        "prompt_id": row["prompt_id"],
        "pair_id": row["candidate_id"],
        "extra": False,
        "label": label,
    }
