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
from judge.inputs import answered_prompts, inputs_hash
from judge.labels import label, labels
from judge.panel import depends_on
from rounds.rows import VERDICTS
from rounds.stages import Progress, run_stage, silent, stage_key, work_dir
from rounds.tables import Row, iter_rows, replace_splits

COUNTED = ("outcome", "reason", "prompt_tokens", "completion_tokens", "cost")
SUMMED = COUNTED[2:]


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
    says how many prompts were left out.
    """
    names = [*config.jury, *config.appealed_to]
    key = stage_key(inputs_hash(folder), tau, depends_on(config, endpoints, names))

    def run() -> dict[str, Any]:
        ids, into = answered_prompts(folder), work_dir(folder, "judge", key)
        found = asyncio.run(label(folder, into, ids, config, endpoints, tau, progress))
        replace_splits(folder, VERDICTS, ["train"], labels(into, ids))
        shutil.rmtree(into)
        partial = {"left_out": found.left_out, "limit": found.limit} if found.limit else None
        rows = iter_rows(folder, VERDICTS, ["train"], COUNTED)
        said = {"partial": partial, "traffic": found.traffic, "rubrics": rubric_texts(config)}
        return facts(rows) | said

    return run_stage(folder, "judge", key, run)


def facts(rows: Iterable[Row]) -> dict[str, Any]:
    """What a stage says of its verdict rows: outcomes, reasons, usage."""
    outcomes, reasons = Counter[str](), Counter[str]()
    used = dict.fromkeys(SUMMED, 0)
    for row in rows:
        outcomes[row["outcome"]] += 1
        if row["reason"]:
            reasons[row["reason"]] += 1
        for name in SUMMED:
            used[name] += row[name]
    return {
        "verdicts": outcomes.total(),
        "outcomes": dict(sorted(outcomes.items())),
        "abstained": dict(sorted(reasons.items())),
        **used,
    }
