"""Labelling a round of any size: rows go to disk as they come, and are put in order afterwards.

In memory are the prompts under way (PROMPTS_AT_ONCE) and the ids of all prompts.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from endpoints.budget import Budget
from endpoints.client import each
from endpoints.open import Endpoints
from judge.appeal import READ, undecided
from judge.asked import Asked, asked
from judge.config import JudgeConfig
from judge.panel import desk_of, panel
from judge.prefill import prefill
from judge.questions import both_orders, usable
from judge.room import Room
from judge.rows import Judge
from judge.strategies import STRATEGIES, most_calls
from judge.stream import PROMPTS_AT_ONCE
from judge.voices import is_endpoint
from rounds.grouped import grouped
from rounds.progress import Progress, silent
from rounds.tables import Row, table_path
from rounds.writing import Written, writing

FIRST, APPEAL = "first", "appeal"
"""Folders of the verdicts of the jury, and of the judges of the appeal."""


class Labelled(NamedTuple):
    """How many prompts the budget left out and by which limit, and how calls were answered."""

    left_out: int
    limit: str | None
    traffic: dict[str, int]


async def label(
    folder: Path,
    into: Path,
    ids: Sequence[str],
    config: JudgeConfig,
    endpoints: Endpoints,
    tau: float,
    progress: Progress = silent,
    offline: bool = False,
) -> Labelled:
    """Write every verdict row on the prompts `ids` into the folder `into`, appeals included.

    `labels` reads them in order.
    """
    strategy = STRATEGIES[config.strategy]
    budget, tally = Budget(**config.budget.model_dump()), Counter[str]()
    room, desk = Room(budget), desk_of(folder)
    asking = sum(map(is_endpoint, config.jury))
    counts = Counter[str]()

    with writing(table_path(into / FIRST, "verdicts"), "verdicts") as written:
        jury = panel(desk, config, endpoints, config.jury, tau, 0, budget, tally, offline)
        async with jury as judge:
            if config.batch and not offline:
                await prefill(desk, judge, endpoints, asked(folder, ids), progress)

            async def work(one: Asked) -> list[Row]:
                n = len(usable(one.candidates))
                most = most_calls(config.strategy, n, config.select, asking)
                calls = most if n > 1 and asking else 0
                if not await room.enter(calls):
                    counts["left_out"] += 1
                    return []
                try:
                    return await strategy(judge, one.prompt, one.candidates)
                finally:
                    await room.leave(calls)

            def done(one: Asked, rows: list[Row]) -> None:
                written.put(rows)
                counts["unsent"] += any(row["reason"] == "budget" for row in rows)
                counts["done"] += 1
                progress(counts["done"], len(ids))

            await each(asked(folder, ids), work, PROMPTS_AT_ONCE, done)
    with writing(table_path(into / APPEAL, "verdicts"), "verdicts") as written:
        if config.appeal is not None:
            found = grouped(into / FIRST, "verdicts", ids, columns=READ)
            appeals = undecided(found, config.appeal.max_share, config.select.pairs)
            higher = panel(
                desk, config, endpoints, config.appealed_to, tau, 1, budget, tally, offline
            )
            async with higher as judge:
                counts["unsent"] += await _appeal(folder, judge, ids, appeals, written, progress)
    limit = budget.refused if counts["left_out"] or counts["unsent"] else None
    return Labelled(counts["left_out"], limit, dict(tally))


def labels(into: Path, ids: Sequence[str]) -> Iterator[Row]:
    """The rows that `label` wrote, in the order of the prompts, what was appealed last."""
    levels = [grouped(into / name, "verdicts", ids) for name in (FIRST, APPEAL)]
    return (row for of_prompt in zip(*levels, strict=True) for rows in of_prompt for row in rows)


async def _appeal(
    folder: Path,
    judge: Judge,
    ids: Sequence[str],
    appeals: list[tuple[int, str, str]],
    written: Written,
    progress: Progress,
) -> int:
    """Ask the higher judges; returns how many of their rows the budget kept from being asked."""
    of_prompt: dict[str, list[tuple[str, str]]] = {}
    for index, a, b in appeals:
        of_prompt.setdefault(ids[index], []).append((a, b))
    counts = Counter[str]()

    async def work(one: Asked) -> list[Row]:
        by_id = {row["candidate_id"]: row for row in one.candidates}
        pairs = of_prompt[one.prompt["prompt_id"]]
        questions = [both_orders(judge, one.prompt, by_id[a], by_id[b]) for a, b in pairs]
        return [row for rows in await asyncio.gather(*questions) for row in rows]

    def done(one: Asked, rows: list[Row]) -> None:
        written.put(rows)
        counts["unsent"] += sum(row["reason"] == "budget" for row in rows)
        counts["done"] += len(of_prompt[one.prompt["prompt_id"]])
        progress(counts["done"], len(appeals), "appeals")

    await each(asked(folder, list(of_prompt)), work, PROMPTS_AT_ONCE, done)
    return counts["unsent"]
