"""A warm start: the policy is taught good answers by SFT before the loop begins."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rounds.errors import UserError
from rounds.files import read_json_if_whole, remove, write_json
from rounds.ids import digest, prompt_id
from rounds.rows import Messages, Prompt
from rounds.stages import Progress, silent
from rounds.weights import Policy, local_policy
from texts.leaks import LeakFinder, LeakLimits
from texts.own_tokens import find_token
from trainer.config import TrainerConfig
from trainer.rows import TrainingRow
from trainer.stage import run_training

RECORD = "warm_start.json"
"""Beside the policy, written last: what it was trained from, on what, and how."""


class Taught(NamedTuple):
    """Answers to learn from, and how many rows were left out, by reason."""

    rows: list[TrainingRow]
    left_out: dict[str, int]


def answers_to_teach(
    answers: Sequence[tuple[Messages, str]],
    held_out: Sequence[Prompt],
    limits: LeakLimits,
    tokens: tuple[str, ...],
) -> Taught:
    """Prompts with good answers as rows to train on, each once.

    One that is or quotes a held-out prompt or its reference, has a control token in it or says
    nothing is left out. All are held in memory.
    """
    finder = LeakFinder(held_out, limits)
    finder.discount_shared(prompt for prompt, _ in answers)
    leaks = finder.leaks_of_prompts(prompt for prompt, _ in answers)
    rows: dict[str, TrainingRow] = {}
    left_out = Counter[str]()
    for (prompt, text), leak in zip(answers, leaks, strict=True):
        name = digest("taught", prompt, text)
        said = "\n".join([*(turn["content"] for turn in prompt), text])
        found = leak or finder.quoted_leak(prompt, [text])
        if found:
            left_out[found.reason] += 1
        elif find_token(said, tokens):
            left_out["chat_tokens"] += 1
        elif not text.strip():
            left_out["empty"] += 1
        elif name in rows:
            left_out["repeated"] += 1
        else:
            rows[name] = _row(prompt, text, name)
    return Taught(list(rows.values()), dict(sorted(left_out.items())))


def _row(prompt: Messages, text: str, name: str) -> TrainingRow:
    answer = [{"role": "assistant", "content": text}]
    return {
        "prompt": prompt,
        "chosen": answer,
        "rejected": answer,
        "prompt_token_ids": None,
        "chosen_token_ids": None,
        "rejected_token_ids": None,
        "cut": [],
        "prompts_differ": False,
        "prompt_id": prompt_id(prompt),
        "pair_id": name,
        "extra": False,
        "label": True,
    }


def warm_start(
    taught: Taught,
    source: str,
    config: TrainerConfig,
    policy: Policy,
    out: Path,
    seed: int,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train the policy on answers, in a child process, to `out`/policy; returns the record.

    `config` is a section of method sft. Work that was begun on the same rows, arguments and policy
    goes on from its last checkpoint, and what is finished is not done again. Raises UserError where
    no row is left and where something else lies in `out`.
    """
    if not taught.rows:
        reasons = ", ".join(f"{why} {n}" for why, n in taught.left_out.items()) or "it is empty"
        raise UserError(f"{source}: no answer is left to train on ({reasons})")
    section = config.keyed({"trial"})
    names = [row["pair_id"] for row in taught.rows]
    key = digest("warm start", names, section, policy.policy_id, seed)
    record = out / RECORD
    begun = out / "work" / "begun.json"
    known = read_json_if_whole(record) or read_json_if_whole(begun)
    if out.exists() and any(out.iterdir()) and (known is None or known.get("key") != key):
        raise UserError(f"{out}: holds something else; name a new or empty folder")
    finished = read_json_if_whole(record)
    if finished is not None:
        return dict(finished)
    write_json(begun, {"key": key})
    job, work = out / "work" / "job.json", out / "work"
    write_json(
        job,
        {
            "taught": taught.rows,
            "method": config.method,
            "policy": policy._asdict(),
            "reference": policy._asdict(),
            "args": {"seed": seed, **config.args},
            "lora": config.lora,
            "held_out_pairs": config.held_out_pairs,
            "out": str(out / "policy"),
        },
    )
    if not (work / "training.json").exists() or not (out / "policy").exists():
        progress(0, 0, "loading the policy")
        run_training(job, out / "warm-start.log", config, progress)
    full = policy.adapter is None and config.lora is None
    made = (
        local_policy(out / "policy") if full else local_policy(Path(policy.model), out / "policy")
    )
    facts = read_json_if_whole(work / "training.json") or {}
    finished = {
        "key": key,
        "policy_id": made.policy_id,
        "trained_from": policy.policy_id,
        "data": source,
        "data_hash": digest(*sorted(names)),
        "answers": len(taught.rows),
        "left_out": taught.left_out,
        "method": config.method,
        "args": config.args,
        "lora": config.lora,
        "seed": seed,
        "training": facts,
    }
    write_json(record, finished)
    remove(work)
    return finished
