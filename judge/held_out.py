"""Judging for the gate: the trained policy's held-out answers against the other policies'."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from endpoints.concurrency import map_concurrently
from endpoints.open import Endpoints
from judge.asking.answered import by_questions
from judge.asking.questions import both_orders
from judge.asking.rows import Judge
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
    matches = matches_of(prompts, answers, trained)
    jury, journal, known = config.jury, run_journal(folder), dict(endpoints.ahead.unusable)
    asked = panel(journal, config, endpoints, jury, tau, offline=offline, unusable=known)
    async with asked as judge:
        questions, match = partial(ask_questions, judge), partial(ask_match, judge)
        if against is not None:
            return await ask_until_decided(
                prompts, candidates, matches, trained, against, match, progress
            )
        articles = articles_of(judge, prompts, answers, trained)
        return [
            *await map_concurrently(articles, questions, progress),
            *await map_concurrently(matches, match, progress),
        ]


async def ask_questions(judge: Judge, article: JudgeInput) -> list[Verdict]:
    """The verdict rows of the questions on an article, answered from each policy's summary."""
    return await by_questions(judge, article.prompt, article.candidates)


async def ask_match(judge: Judge, match: JudgeInput) -> list[Verdict]:
    """The verdict rows of a match."""
    trained_answer, other_answer = match.candidates
    return await both_orders(judge, match.prompt, trained_answer, other_answer)


def articles_of(
    judge: Judge, prompts: list[Prompt], candidates: dict[str, list[Candidate]], trained: str
) -> list[JudgeInput]:
    """Where the judge has questions written, each prompt that the trained policy has answered, with
    the answers of all policies; the same text twice is one call.
    """
    if judge.writer is None:
        return []
    found = [JudgeInput(prompt, candidates.get(prompt["prompt_id"], [])) for prompt in prompts]
    return [one for one in found if any(row["policy_id"] == trained for row in one.candidates)]


def matches_of(
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
