"""Labelling a round of any size: rows go to disk as they come, and are put in order afterwards.

In memory are the prompts under way (PROMPTS_AT_ONCE) and the ids of all prompts.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import floor
from pathlib import Path
from typing import NamedTuple

from endpoints.batch import answer_by_batch
from endpoints.budget import Budget, Headroom
from endpoints.each import PROMPTS_AT_ONCE, each
from endpoints.journal import Journal
from endpoints.open import Endpoints
from judge.asking.channel import body
from judge.asking.questions import both_orders, score_request, usable
from judge.asking.rows import Judge
from judge.config import JudgeConfig
from judge.inputs import JudgeInput, judge_inputs
from judge.panel import RunJournal, is_endpoint, panel, run_journal
from judge.strategies import STRATEGIES, most_calls
from rounds.grouped import grouped
from rounds.ids import digest, text_hash
from rounds.rows import VERDICTS
from rounds.stages import Progress, silent
from rounds.tables import Row, Written, table_path, writing
from rounds.verdicts import comparisons, margin, screen_scores, settle

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
    room, desk = Headroom(budget), run_journal(folder)
    asking = sum(map(is_endpoint, config.jury))
    counts = Counter[str]()

    with writing(table_path(into / FIRST, "verdicts"), "verdicts") as written:
        jury = panel(desk, config, endpoints, config.jury, tau, 0, budget, tally, offline)
        async with jury as judge:
            if config.batch and not offline:
                await prefill(desk, judge, endpoints, judge_inputs(folder, ids), progress)

            async def work(one: JudgeInput) -> list[Row]:
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

            def done(one: JudgeInput, rows: list[Row]) -> None:
                written.put(rows)
                counts["unsent"] += any(row["reason"] == "budget" for row in rows)
                counts["done"] += 1
                progress(counts["done"], len(ids))

            await each(judge_inputs(folder, ids), work, PROMPTS_AT_ONCE, done)
    with writing(table_path(into / APPEAL, "verdicts"), "verdicts") as written:
        if config.appeal is not None:
            found = grouped(into / FIRST, VERDICTS, ids, columns=SETTLED_BY)
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
    levels = [grouped(into / name, VERDICTS, ids) for name in (FIRST, APPEAL)]
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

    async def work(one: JudgeInput) -> list[Row]:
        by_id = {row["candidate_id"]: row for row in one.candidates}
        pairs = of_prompt[one.prompt["prompt_id"]]
        questions = [both_orders(judge, one.prompt, by_id[a], by_id[b]) for a, b in pairs]
        return [row for rows in await asyncio.gather(*questions) for row in rows]

    def done(one: JudgeInput, rows: list[Row]) -> None:
        written.put(rows)
        counts["unsent"] += sum(row["reason"] == "budget" for row in rows)
        counts["done"] += len(of_prompt[one.prompt["prompt_id"]])
        progress(counts["done"], len(appeals), "appeals")

    await each(judge_inputs(folder, list(of_prompt)), work, PROMPTS_AT_ONCE, done)
    return counts["unsent"]


SETTLED_BY = (
    *("verdict_id", "prompt_id", "kind", "candidate_a", "candidate_b", "shown_first", "outcome"),
    *("reason", "score", "probability", "judge_id", "purpose", "level", "threshold", "ranking"),
)
"""What settling a comparison reads of a verdict row."""


def undecided(
    rows: Iterable[list[Row]], max_share: float, pairs: int
) -> list[tuple[int, str, str]]:
    """What no judge decided, as (place of the prompt, a, b); a tie is decided.

    `rows` are the verdict rows of each prompt, which is to give `pairs` pairs. For every one that
    is missing it appeals a comparison, the first it tried; what reversed the screen is no pair. At
    most `max_share` of the comparisons, chosen by hash, so that a resumed round appeals the same.
    """
    lost, compared = [], 0
    for index, of_prompt in enumerate(rows):
        outcomes = {pair: settle(found).outcome for pair, found in comparisons(of_prompt).items()}
        compared += len(outcomes)
        scores = screen_scores(of_prompt)
        missing = pairs - sum(_is_pair(*item, scores) for item in outcomes.items())
        open_ones = [pair for pair, outcome in outcomes.items() if outcome == "abstain"]
        lost += [(index, a, b) for a, b in open_ones[: max(0, missing)]]
    allowed = floor(max_share * compared)
    taken = sorted(lost, key=lambda item: digest("appeal", item[1], item[2]))[:allowed]
    return sorted(taken)


def _is_pair(ids: tuple[str, str], outcome: str, scores: dict[str, float]) -> bool:
    if outcome not in ("a", "b"):
        return False
    chosen, rejected = ids if outcome == "a" else ids[::-1]
    return (margin(scores, chosen, rejected) or 0) >= 0


async def prefill(
    desk: RunJournal,
    judge: Judge,
    endpoints: Endpoints,
    asked: Iterable[JudgeInput],
    progress: Progress,
) -> None:
    """Answer the screen of all prompts in batches; what a batch fails at is asked one by one.

    Holds every request of the screen in memory, its rubric, prompt and answer as they are sent.
    """
    name = judge.config.jury[0]
    questions = []
    for one in asked:
        kept = usable(one.candidates)
        for candidate in kept if len(kept) > 1 else []:
            messages, rubric, fields = score_request(judge, one.prompt, candidate)
            questions.append((body(judge, messages, fields), text_hash(rubric.text)))
    with Journal(desk.journal) as journal:
        live, config = endpoints.live(name), endpoints.config(name)
        await answer_by_batch(name, config, live, journal, questions, progress)
