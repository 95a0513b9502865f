"""Labelling a round of any size: rows go to disk as they come, and are put in order afterwards.

In memory are the prompts under way (PROMPTS_AT_ONCE) and the ids of all prompts.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from math import floor
from pathlib import Path
from typing import Any, NamedTuple

from endpoints.batch import answer_by_batch
from endpoints.budget import Budget
from endpoints.concurrency import PROMPTS_AT_ONCE, run_concurrently
from endpoints.headroom import Headroom
from endpoints.hosts import placed
from endpoints.journal import Journal
from endpoints.open import Endpoints
from judge.asking.channel import request_body
from judge.asking.questions import both_orders, score_request, usable
from judge.asking.rows import Judge
from judge.config import JudgeConfig, is_endpoint
from judge.inputs import JudgeInput, judge_inputs
from judge.panel import RunJournal, panel, run_journal
from judge.strategies import STRATEGIES
from rounds.grouped import grouped
from rounds.ids import digest, text_hash
from rounds.rates import as_written
from rounds.rows import VERDICTS, Verdict
from rounds.stages import Progress, silent
from rounds.tables import TableWriter, table_path, table_writer
from rounds.verdicts import SETTLED_BY, comparisons, margin, screen_scores, settle

FIRST, APPEAL = "first", "appeal"
"""Folders of the verdicts of the jury, and of the judges of the appeal."""


class Labelled(NamedTuple):
    """How many prompts the budget left out and by which limit, and how calls were answered."""

    left_out: int
    limit: str | None
    traffic: dict[str, int]


class Appealed(NamedTuple):
    """A comparison to be judged again: the place of its prompt, and ids of its candidates."""

    prompt: int
    a: str
    b: str


async def write_labels(
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

    `read_labels` reads them in order.
    """
    budget, traffic = Budget(**config.budget.model_dump()), Counter(endpoints.ahead.traffic)
    journal, known = run_journal(folder), dict(endpoints.ahead.unusable)
    counts = Counter[str]()

    with table_writer(table_path(into / FIRST, VERDICTS), VERDICTS) as writer:
        names = config.jury
        jury = panel(journal, config, endpoints, names, tau, 0, budget, traffic, offline, known)
        async with jury as judge:
            if config.batch and not offline:
                prompts = judge_inputs(folder, ids)
                await screen_by_batch(journal, judge, endpoints, prompts, progress)

            def done(_: JudgeInput, rows: list[Verdict] | None) -> None:
                counts["left_out"] += rows is None
                writer.write_rows(rows or [])
                counts["unsent"] += any(row["reason"] == "budget" for row in rows or [])
                counts["done"] += 1
                progress(counts["done"], len(ids))

            work = labelling(judge, budget)
            await run_concurrently(judge_inputs(folder, ids), work, PROMPTS_AT_ONCE, done)
    with table_writer(table_path(into / APPEAL, VERDICTS), VERDICTS) as writer:
        if config.appeal is not None:
            verdicts = grouped(into / FIRST, VERDICTS, ids, columns=SETTLED_BY)
            appeals = to_appeal(verdicts, config.appeal.max_share, config.select.pairs)
            names = config.appealed_to
            higher = panel(journal, config, endpoints, names, tau, 1, budget, traffic, offline)
            async with higher as judge:
                counts["unsent"] += await _appeal(folder, judge, ids, appeals, writer, progress)
    limit = budget.refused if counts["left_out"] or counts["unsent"] else None
    return Labelled(counts["left_out"], limit, dict(traffic))


def labelling(
    judge: Judge, budget: Budget
) -> Callable[[JudgeInput], Awaitable[list[Verdict] | None]]:
    """Labels a prompt by the judge's strategy. None where the budget has no room."""
    config, headroom = judge.config, Headroom(budget)
    strategy, asked_jurors = STRATEGIES[config.strategy], sum(map(is_endpoint, config.jury))

    async def work(item: JudgeInput) -> list[Verdict] | None:
        n = len(usable(item.candidates))
        most = strategy.most_calls(n, config.select, asked_jurors)
        calls = most if n > 1 and asked_jurors else 0
        if not await headroom.enter(calls):
            return None
        try:
            return await strategy.run(judge, item.prompt, item.candidates)
        finally:
            await headroom.leave(calls)

    return work


def read_labels(into: Path, ids: Sequence[str]) -> Iterator[Verdict]:
    """The rows that `write_labels` wrote, in the order of the prompts, what was appealed last."""
    levels = [grouped(into / name, VERDICTS, ids) for name in (FIRST, APPEAL)]
    return (row for of_prompt in zip(*levels, strict=True) for rows in of_prompt for row in rows)


def to_appeal(rows: Iterable[list[Verdict]], max_share: float, pairs: int) -> list[Appealed]:
    """Comparisons that no judge decided, in the order of the prompts; a tie is decided.

    `rows` are the verdict rows of each prompt, which is to give `pairs` pairs. For every one that
    is missing it appeals a comparison, the first it tried; what reversed the screen is no pair. At
    most `max_share` of the comparisons, chosen by hash, so that a resumed round appeals the same.
    """
    undecided: list[Appealed] = []
    compared = 0
    for place, of_prompt in enumerate(rows):
        outcomes = {pair: settle(both).outcome for pair, both in comparisons(of_prompt).items()}
        compared += len(outcomes)
        scores = screen_scores(of_prompt)
        missing = pairs - sum(_is_pair(*item, scores) for item in outcomes.items())
        abstained = [pair for pair, outcome in outcomes.items() if outcome == "abstain"]
        undecided += [Appealed(place, a, b) for a, b in abstained[: max(0, missing)]]
    allowed = floor(as_written(max_share) * compared)
    by_hash = sorted(undecided, key=lambda appealed: digest("appeal", appealed.a, appealed.b))
    return sorted(by_hash[:allowed])


async def screen_by_batch(
    journal: RunJournal,
    judge: Judge,
    endpoints: Endpoints,
    prompts: Iterable[JudgeInput],
    progress: Progress,
) -> None:
    """Answer the screen of all prompts in batches; what a batch fails at is asked one by one."""
    name = judge.config.jury[0]

    def calls() -> Iterator[tuple[dict[str, Any], str]]:
        for prompt, candidates in prompts:
            kept = usable(candidates)
            for candidate in kept if len(kept) > 1 else []:
                request = score_request(judge, prompt, candidate)
                yield request_body(judge.config, request), text_hash(request.rubric.text)

    with Journal(journal.path) as answers:
        config = endpoints.config(name)
        live = placed(answers, name, config, endpoints.live(name))
        then = judge.config.batch_failed
        await answer_by_batch(name, config, live, answers, calls(), progress, then)


async def _appeal(
    folder: Path,
    judge: Judge,
    ids: Sequence[str],
    appeals: list[Appealed],
    writer: TableWriter,
    progress: Progress,
) -> int:
    """Ask the higher judges; returns how many of their rows the budget kept from being asked."""
    appeals_of: dict[str, list[Appealed]] = {}
    for appealed in appeals:
        appeals_of.setdefault(ids[appealed.prompt], []).append(appealed)
    counts = Counter[str]()

    async def work(item: JudgeInput) -> list[Verdict]:
        by_id = {row["candidate_id"]: row for row in item.candidates}
        calls = [
            both_orders(judge, item.prompt, by_id[appealed.a], by_id[appealed.b])
            for appealed in appeals_of[item.prompt["prompt_id"]]
        ]
        return [row for rows in await asyncio.gather(*calls) for row in rows]

    def done(item: JudgeInput, rows: list[Verdict]) -> None:
        writer.write_rows(rows)
        counts["unsent"] += sum(row["reason"] == "budget" for row in rows)
        counts["done"] += len(appeals_of[item.prompt["prompt_id"]])
        progress(counts["done"], len(appeals), "appeals")

    await run_concurrently(judge_inputs(folder, list(appeals_of)), work, PROMPTS_AT_ONCE, done)
    return counts["unsent"]


def _is_pair(ids: tuple[str, str], outcome: str, scores: dict[str, float]) -> bool:
    if outcome not in ("a", "b"):
        return False
    chosen, rejected = ids if outcome == "a" else ids[::-1]
    return (margin(scores, chosen, rejected) or 0) >= 0
