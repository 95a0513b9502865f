"""The judge stage: candidates to verdict rows, through one bounded stream of calls."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

from endpoints.budget import Budget
from endpoints.client import each
from endpoints.open import Endpoints
from judge.appeal import undecided
from judge.config import JudgeConfig
from judge.panel import depends_on, desk_of, panel
from judge.prefill import prefill
from judge.questions import both_orders, usable
from judge.room import Room
from judge.rows import Judge
from judge.strategies import STRATEGIES, most_calls
from judge.voices import is_endpoint
from rounds.progress import Progress, silent
from rounds.stages import run_stage, stage_key
from rounds.tables import Row, by_prompt, read_rows, replace_splits, rows_hash

PROMPTS_AT_ONCE = 512
"""Prompts whose calls may be under way together; the endpoints bound the calls themselves."""


class Asked(NamedTuple):
    """One prompt and the candidates it is asked about."""

    prompt: Row
    candidates: list[Row]


class Labelled(NamedTuple):
    """The verdict rows of each prompt in order, and how many prompts the budget left out."""

    rows: list[list[Row]]
    left_out: int
    limit: str | None
    traffic: dict[str, int]


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
    asked, inputs = questions(folder)
    names = [*config.jury, *config.appealed_to]
    key = stage_key(inputs, tau, depends_on(config, endpoints, names))

    def run() -> dict[str, Any]:
        found = asyncio.run(label(folder, config, endpoints, asked, tau, progress))
        rows = [row for of_prompt in found.rows for row in of_prompt]
        replace_splits(folder, "verdicts", ["train"], rows)
        partial = {"left_out": found.left_out, "limit": found.limit} if found.limit else None
        return {**facts(rows), "partial": partial, "traffic": found.traffic}

    return run_stage(folder, "judge", key, run)


def questions(folder: Path) -> tuple[list[Asked], str]:
    """The train prompts of a round with their candidates, and a hash of both."""
    candidates = read_rows(folder, "candidates", ["train"])
    prompts = read_rows(folder, "prompts", ["train"])
    answers = by_prompt(candidates)
    asked = [
        Asked(prompt, answers[prompt["prompt_id"]])
        for prompt in prompts
        if prompt["prompt_id"] in answers
    ]
    return asked, rows_hash("candidates", candidates) + rows_hash("prompts", prompts)


async def label(
    folder: Path,
    config: JudgeConfig,
    endpoints: Endpoints,
    asked: list[Asked],
    tau: float,
    progress: Progress = silent,
    offline: bool = False,
) -> Labelled:
    """Every verdict row of the prompts by the config's strategy, appeals included."""
    strategy = STRATEGIES[config.strategy]
    budget, tally = Budget(**config.budget.model_dump()), Counter[str]()
    room, desk = Room(budget), desk_of(folder)
    asking = sum(map(is_endpoint, config.jury))
    left_out: list[Row] = []

    async with panel(desk, config, endpoints, config.jury, tau, 0, budget, tally, offline) as judge:
        if config.batch and not offline:
            await prefill(desk, judge, endpoints, asked, progress)

        async def work(one: Asked) -> list[Row]:
            n = len(usable(one.candidates))
            calls = most_calls(config.strategy, n, config.select, asking) if n > 1 and asking else 0
            if not await room.enter(calls):
                left_out.append(one.prompt)
                return []
            try:
                return await strategy(judge, one.prompt, one.candidates)
            finally:
                await room.leave(calls)

        rows = await stream(asked, work, progress)
    if config.appeal is not None:
        appeals = undecided(rows, config.appeal.max_share, config.select.pairs)
        async with panel(
            desk, config, endpoints, config.appealed_to, tau, 1, budget, tally, offline
        ) as judge:
            await _appeal(judge, asked, rows, appeals, progress)
    unsent = any(row["reason"] == "budget" for of_prompt in rows for row in of_prompt)
    limit = budget.refused if left_out or unsent else None
    return Labelled(rows, len(left_out), limit, dict(tally))


async def stream(
    items: list[Any], work: Callable[[Any], Awaitable[list[Row]]], progress: Progress
) -> list[list[Row]]:
    """Do all of the work with no barrier between items; results in the order of the items."""
    results: dict[int, list[Row]] = {}

    def done(item: tuple[int, Any], rows: list[Row]) -> None:
        results[item[0]] = rows
        progress(len(results), len(items))

    await each(enumerate(items), lambda item: work(item[1]), PROMPTS_AT_ONCE, done)
    return [results[index] for index in range(len(items))]


async def _appeal(
    judge: Judge,
    asked: list[Asked],
    rows: list[list[Row]],
    appeals: list[tuple[int, str, str]],
    progress: Progress,
) -> None:
    """Ask the higher judges and add their rows to those of the prompt."""

    async def work(appeal: tuple[int, str, str]) -> list[Row]:
        index, a, b = appeal
        by_id = {row["candidate_id"]: row for row in asked[index].candidates}
        return await both_orders(judge, asked[index].prompt, by_id[a], by_id[b])

    found = await stream(
        appeals, work, lambda done, total, note="": progress(done, total, "appeals")
    )
    for (index, _, _), more in zip(appeals, found, strict=True):
        rows[index] = [*rows[index], *more]


def facts(rows: list[Row]) -> dict[str, Any]:
    """What a stage says of its verdict rows: outcomes, reasons, usage."""
    outcomes = Counter(row["outcome"] for row in rows)
    return {
        "verdicts": len(rows),
        "outcomes": dict(sorted(outcomes.items())),
        "abstained": dict(sorted(Counter(row["reason"] for row in rows if row["reason"]).items())),
        "prompt_tokens": sum(row["prompt_tokens"] for row in rows),
        "completion_tokens": sum(row["completion_tokens"] for row in rows),
        "cost": sum(row["cost"] for row in rows),
    }
