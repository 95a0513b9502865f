"""The judge stage: candidates to verdict rows, through one bounded stream of calls."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

from endpoints.client import EndpointLost, asking, each
from endpoints.journal import Journal
from endpoints.open import Endpoints
from judge.calls import Judge
from judge.config import JudgeConfig
from judge.rubric import load_rubrics
from judge.screen_confirm import both_orders, screen_confirm
from rounds.folder import round_start, run_of
from rounds.progress import Progress, silent
from rounds.stages import run_stage, stage_key
from rounds.tables import Row, by_prompt, read_rows, replace_splits, rows_hash

STRATEGIES = {"screen_confirm": screen_confirm}


class Question(NamedTuple):
    """What one prompt is asked about: its candidates."""

    prompt: Row
    candidates: list[Row]


Work = Callable[[Judge, Question], Awaitable[list[Row]]]


def judge_candidates(
    folder: Path, config: JudgeConfig, endpoints: Endpoints, progress: Progress = silent
) -> dict[str, Any]:
    """Judge the train split of a round: candidates.parquet to verdicts.parquet.

    Returns counts and usage. Raises EndpointLost when the judge stops answering; nothing that was
    answered is lost, and the next call asks only the rest.
    """
    strategy = STRATEGIES[config.strategy]
    candidates = read_rows(folder, "candidates", ["train"])
    answers_to = by_prompt(candidates)
    questions = [
        Question(prompt, answers_to[prompt["prompt_id"]])
        for prompt in read_rows(folder, "prompts", ["train"])
        if prompt["prompt_id"] in answers_to
    ]

    async def work(judge: Judge, question: Question) -> list[Row]:
        return await strategy(judge, question.prompt, question.candidates)

    inputs = rows_hash("candidates", candidates)
    return _judged(folder, "judge", ["train"], inputs, config, endpoints, questions, work, progress)


def judge_held_out(
    folder: Path,
    config: JudgeConfig,
    endpoints: Endpoints,
    trained: str,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Judge the policy `trained` (its id) against every other policy's held-out answers.

    Every gate and test prompt, both orders; candidate_a is the trained policy's. Two answers that
    are the same text are not asked about: the gate counts them as ties.
    """
    splits = ["gate", "test"]
    candidates = read_rows(folder, "candidates", splits)
    answers_to = by_prompt(candidates)
    questions = []
    for prompt in read_rows(folder, "prompts", splits):
        answers = answers_to.get(prompt["prompt_id"], [])
        new = [row for row in answers if row["policy_id"] == trained]
        questions += [
            Question(prompt, [new[0], other])
            for other in answers
            if new and other["text_hash"] != new[0]["text_hash"]
        ]

    async def work(judge: Judge, question: Question) -> list[Row]:
        return await both_orders(judge, question.prompt, *question.candidates)

    inputs = [trained, rows_hash("candidates", candidates)]
    return _judged(
        folder, "judge_held_out", splits, inputs, config, endpoints, questions, work, progress
    )


def _judged(
    folder: Path,
    stage: str,
    splits: list[str],
    inputs: object,
    config: JudgeConfig,
    endpoints: Endpoints,
    questions: list[Question],
    work: Work,
    progress: Progress,
) -> dict[str, Any]:
    rubrics = load_rubrics(config.rubrics)
    endpoint = endpoints.config(config.endpoint)
    asked_of = endpoint.model_dump(
        include={"base_url": True, "model": True, "serve": {"model", "args"}}
    )
    key = stage_key(inputs, config.model_dump(), asked_of, [rubric.text for rubric in rubrics])

    def run() -> dict[str, Any]:
        rows = asyncio.run(_stream(folder, config, endpoints, questions, work, progress))
        replace_splits(folder, "verdicts", splits, rows)
        return _facts(rows)

    return run_stage(folder, stage, key, run)


async def _stream(
    folder: Path,
    config: JudgeConfig,
    endpoints: Endpoints,
    questions: list[Question],
    work: Work,
    progress: Progress,
) -> list[Row]:
    """Ask everything; rows come back in the order of the questions."""
    name = config.endpoint
    live, endpoint = endpoints.live(name), endpoints.config(name)
    seed = round_start(folder)["seed"]
    secret = hashlib.sha256(f"prefloop nonce {seed}".encode()).digest()
    rows: dict[int, list[Row]] = {}

    def done(item: tuple[int, Question], result: list[Row]) -> None:
        rows[item[0]] = result
        progress(len(rows), len(questions))

    try:
        with Journal(run_of(folder) / "journal.sqlite") as journal:
            async with asking(name, endpoint, live, journal) as ask:
                judge = Judge(
                    ask, config, load_rubrics(config.rubrics), f"{name}/{live.model_id}", secret
                )
                await each(
                    enumerate(questions),
                    lambda item: work(judge, item[1]),
                    endpoint.max_in_flight,
                    done,
                )
    except EndpointLost:
        endpoints.close(name)
        raise
    return [row for index in range(len(questions)) for row in rows[index]]


def _facts(rows: list[Row]) -> dict[str, Any]:
    outcomes = Counter(row["outcome"] for row in rows)
    return {
        "verdicts": len(rows),
        "outcomes": dict(sorted(outcomes.items())),
        "abstained": dict(sorted(Counter(row["reason"] for row in rows if row["reason"]).items())),
        "prompt_tokens": sum(row["prompt_tokens"] for row in rows),
        "completion_tokens": sum(row["completion_tokens"] for row in rows),
        "cost": sum(row["cost"] for row in rows),
    }
