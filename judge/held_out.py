"""Judging for the gate: the trained policy's held-out answers against the other policies'."""

import asyncio
from pathlib import Path
from typing import Any

from endpoints.each import stream
from endpoints.open import Endpoints
from judge.asking.questions import both_orders
from judge.asking.rubric import rubric_texts
from judge.config import JudgeConfig
from judge.inputs import JudgeInput
from judge.panel import depends_on, panel, run_journal
from judge.stage import facts
from rounds.rows import CANDIDATES, PROMPTS, VERDICTS
from rounds.stages import Progress, run_stage, silent, stage_key
from rounds.tables import Row, by_prompt, read_rows, replace_splits, rows_hash


def judge_held_out(
    folder: Path,
    config: JudgeConfig,
    endpoints: Endpoints,
    trained: str,
    tau: float = 0.5,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Judge the policy `trained` (its id) against every other policy's held-out answers.

    Every gate and test prompt, both orders; candidate_a is the trained policy's. Two answers that
    are the same text are not asked about: the gate counts them as ties.
    """
    splits = ["gate", "test"]
    candidates = read_rows(folder, CANDIDATES, splits)
    asked = _contests(read_rows(folder, PROMPTS, splits), by_prompt(candidates), trained)
    asked_of = depends_on(config, endpoints, config.jury)
    key = stage_key(trained, rows_hash("candidates", candidates), tau, asked_of)

    async def ask() -> list[list[Row]]:
        async with panel(run_journal(folder), config, endpoints, config.jury, tau) as judge:

            async def work(one: JudgeInput) -> list[Row]:
                return await both_orders(judge, one.prompt, one.candidates[0], one.candidates[1])

            return await stream(asked, work, progress)

    def run() -> dict[str, Any]:
        rows = [row for of_prompt in asyncio.run(ask()) for row in of_prompt]
        replace_splits(folder, VERDICTS, splits, rows)
        return {**facts(rows), "rubrics": rubric_texts(config)}

    return run_stage(folder, "judge_held_out", key, run)


def _contests(prompts: list[Row], answers: dict[str, list[Row]], trained: str) -> list[JudgeInput]:
    found = []
    for prompt in prompts:
        there = answers.get(prompt["prompt_id"], [])
        new = [row for row in there if row["policy_id"] == trained]
        found += [
            JudgeInput(prompt, [new[0], other])
            for other in there
            if new and other["text_hash"] != new[0]["text_hash"]
        ]
    return found
