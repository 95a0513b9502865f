"""Judging for the gate: the trained policy's held-out answers against the other policies'."""

import asyncio
from pathlib import Path
from typing import Any

from endpoints.concurrency import map_concurrently
from endpoints.open import Endpoints
from judge.asking.answered import by_questions
from judge.asking.questions import both_orders
from judge.asking.rubric import rubric_texts
from judge.config import JudgeConfig
from judge.early import Against, ask_until_decided
from judge.inputs import JudgeInput
from judge.panel import panel, panel_identity, run_journal
from judge.stage import verdict_facts
from rounds.rows import CANDIDATES, HELD_OUT, PROMPTS, VERDICTS, Candidate, Prompt, Verdict
from rounds.stages import Progress, run_stage, silent, stage_key
from rounds.tables import by_prompt, read_rows, replace_splits, rows_hash


def judge_held_out(
    folder: Path,
    config: JudgeConfig,
    endpoints: Endpoints,
    trained: str,
    tau: float = 0.5,
    progress: Progress = silent,
    against: Against | None = None,
) -> dict[str, Any]:
    """Judge the policy `trained` (its id) against every other policy's held-out answers.

    Every gate and test prompt, both orders; candidate_a is the trained policy's. Two answers that
    are the same text are not asked about: the gate counts them as ties. With `against` no more gate
    prompts are than it takes to decide. A judge whose strategy is questions has them answered from
    each policy's answer as well (`rounds.contests`).
    """
    candidates = read_rows(folder, CANDIDATES, HELD_OUT)
    judges = panel_identity(config, endpoints, config.jury)
    of_early = [against] if against else []
    key = stage_key(trained, rows_hash(CANDIDATES, candidates), tau, judges, *of_early)

    def run() -> dict[str, Any]:
        asked = held_out_verdicts(
            folder, config, endpoints, trained, tau, progress, against=against
        )
        rows = [row for verdicts in asyncio.run(asked) for row in verdicts]
        replace_splits(folder, VERDICTS, HELD_OUT, rows)
        return {**verdict_facts(rows), "rubrics": rubric_texts(config)}

    return run_stage(folder, "judge_held_out", key, run)


async def held_out_verdicts(
    folder: Path,
    config: JudgeConfig,
    endpoints: Endpoints,
    trained: str,
    tau: float,
    progress: Progress = silent,
    offline: bool = False,
    against: Against | None = None,
) -> list[list[Verdict]]:
    """The verdict rows of the questions on each prompt, if there are any, and those of each match
    that is asked about; `offline` they are read from the journal alone.
    """
    candidates = read_rows(folder, CANDIDATES, HELD_OUT)
    prompts, answers = read_rows(folder, PROMPTS, HELD_OUT), by_prompt(candidates)
    matches = _matches(prompts, answers, trained)
    jury, journal = config.jury, run_journal(folder)
    async with panel(journal, config, endpoints, jury, tau, offline=offline) as judge:

        async def ask_questions(item: JudgeInput) -> list[Verdict]:
            return await by_questions(judge, item.prompt, item.candidates)

        async def work(match: JudgeInput) -> list[Verdict]:
            trained_answer, other_answer = match.candidates
            return await both_orders(judge, match.prompt, trained_answer, other_answer)

        if against is not None:
            return await ask_until_decided(
                prompts, candidates, matches, trained, against, work, progress
            )
        articles = _answered(prompts, answers, trained) if judge.writer is not None else []
        return [
            *await map_concurrently(articles, ask_questions, progress),
            *await map_concurrently(matches, work, progress),
        ]


def _answered(
    prompts: list[Prompt], candidates: dict[str, list[Candidate]], trained: str
) -> list[JudgeInput]:
    """Each prompt that the trained policy has answered, with the answers of all policies; the same
    text twice is one call."""
    found = [JudgeInput(prompt, candidates.get(prompt["prompt_id"], [])) for prompt in prompts]
    return [one for one in found if any(row["policy_id"] == trained for row in one.candidates)]


def _matches(
    prompts: list[Prompt], candidates: dict[str, list[Candidate]], trained: str
) -> list[JudgeInput]:
    """The trained policy's answer to each prompt with every other policy's that is another text."""
    matches = []
    for prompt in prompts:
        answers = candidates.get(prompt["prompt_id"], [])
        trained_answer = next((row for row in answers if row["policy_id"] == trained), None)
        if trained_answer is not None:
            matches += [
                JudgeInput(prompt, [trained_answer, other])
                for other in answers
                if other["text_hash"] != trained_answer["text_hash"]
            ]
    return matches
