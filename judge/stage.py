"""The judge stage: candidates to verdict rows, through one bounded stream of calls."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from endpoints.open import Endpoints
from judge.asking.rubric import rubric_texts
from judge.config import JudgeConfig
from judge.delta import delta_counts
from judge.inputs import answered_prompt_ids, inputs_hash
from judge.labels import read_labels, write_labels
from judge.panel import panel_identity
from rounds.rows import VERDICTS, Verdict
from rounds.stages import Progress, run_stage, silent, stage_key, work_dir
from rounds.tables import iter_rows, replace_splits

COUNTED = ("outcome", "reason", "prompt_tokens", "completion_tokens", "cost")
"""What `verdict_facts` reads of a verdict row."""


def judge_candidates(
    folder: Path,
    config: JudgeConfig,
    endpoints: Endpoints,
    tau: float = 0.5,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Judge the train split of a round: candidates.parquet to verdicts.parquet.

    `tau` is the averaged probability that a winner must reach. Returns counts and usage. Raises
    EndpointLost when the judge stops answering; nothing that was answered is lost, and the next
    call asks only the rest. Where the budget ends it, the rows so far are valid and `partial`
    says how many prompts were left out. Under rule delta, `delta` says what became of its pairs.
    """
    names = [*config.jury, *config.appealed_to]
    key = stage_key(inputs_hash(folder), tau, panel_identity(config, endpoints, names))

    def run() -> dict[str, Any]:
        ids, into = answered_prompt_ids(folder), work_dir(folder, "judge", key)
        labelled = asyncio.run(write_labels(folder, into, ids, config, endpoints, tau, progress))
        replace_splits(folder, VERDICTS, ["train"], read_labels(into, ids))
        shutil.rmtree(into)
        return {
            **verdict_facts(iter_rows(folder, VERDICTS, ["train"], COUNTED)),
            "partial": (
                {"left_out": labelled.left_out, "limit": labelled.limit} if labelled.limit else None
            ),
            "traffic": labelled.traffic,
            "rubrics": rubric_texts(config),
            **delta_counts(folder, ids, config.select.delta),
        }

    return run_stage(folder, "judge", key, run)


def verdict_facts(rows: Iterable[Verdict]) -> dict[str, Any]:
    """What a stage says of its verdict rows: outcomes, reasons, usage."""
    outcomes, reasons = Counter[str](), Counter[str]()
    prompt_tokens, completion_tokens, cost = 0, 0, 0.0
    for row in rows:
        outcomes[row["outcome"]] += 1
        if row["reason"]:
            reasons[row["reason"]] += 1
        prompt_tokens += row["prompt_tokens"]
        completion_tokens += row["completion_tokens"]
        cost += row["cost"]
    return {
        "verdicts": outcomes.total(),
        "outcomes": dict(sorted(outcomes.items())),
        "abstained": dict(sorted(reasons.items())),
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "cost": cost,
    }
