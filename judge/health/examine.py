"""The judge under examination: on the gold set before it labels, on a sample of the round after."""

import asyncio
import time
from pathlib import Path
from typing import Any

from endpoints.each import stream
from endpoints.open import Endpoints
from judge.asking.questions import both_orders
from judge.config import JudgeConfig
from judge.health.bounds import crossed
from judge.health.config import wanted_accuracy
from judge.health.gold import GoldPair, flip_rate, gold_rows, measure_gold, read_gold, threshold_for
from judge.health.measures import OF_CANDIDATES, OF_VERDICTS, measure
from judge.health.trials import Work, anchored, can_be_repeated, repeated, second_opinion, trials
from judge.inputs import JudgedPrompt, judged_prompts, sampled_prompts
from judge.panel import RunJournal, depends_on, is_endpoint, panel, run_journal
from rounds.errors import Stopped
from rounds.folder import finished_rounds, round_number, run_of
from rounds.rows import CANDIDATES, PROMPTS, VERDICTS
from rounds.stages import Progress, run_stage, silent, stage_key
from rounds.tables import Row, by_prompt, iter_rows, replace_splits, rows_hash

Measures = dict[str, Any]


def judge_gold(
    folder: Path, config: JudgeConfig, endpoints: Endpoints, progress: Progress = silent
) -> dict[str, Any]:
    """Judge the gold set, anew in every round; returns its measures and the threshold `tau`.

    Raises Stopped where it is wrong too often to be asked for labels.
    Raises UserError where the set cannot give the threshold that the config asks of it.
    """
    if config.gold is None:
        tau = config.tau
        assert not isinstance(tau, str), "the config says that a taken threshold needs a gold set"
        return {"tau": tau, "gold": None, "flip_rate": None}
    pairs = read_gold(config.gold.path, "judge.gold.path")
    repeat = round_number(folder) - 1
    key = stage_key(
        [pair._asdict() for pair in pairs], repeat, depends_on(config, endpoints, config.jury)
    )

    def run() -> dict[str, Any]:
        prompts, candidates = gold_rows(pairs)
        desk = run_journal(folder)
        asked, _ = asyncio.run(ask_gold(desk, config, endpoints, pairs, repeat, progress))
        rows = [row for of_pair in asked for row in of_pair]
        for table, found in (("prompts", prompts), ("candidates", candidates), ("verdicts", rows)):
            replace_splits(folder, table, ["gold"], found)
        return gold_facts(config, pairs, rows)

    facts = run_stage(folder, "gold", key, run)
    _within(config, None, facts["gold"])  # before labels are paid for
    return facts


def gold_facts(config: JudgeConfig, pairs: list[GoldPair], rows: list[Row]) -> dict[str, Any]:
    """The threshold and the measures that the verdicts on the gold set give."""
    wanted = wanted_accuracy(config.tau)
    assert config.gold is not None, "there is a gold set to measure on"
    tau = config.tau if wanted is None else threshold_for(pairs, rows, wanted, config.gold.min_n)
    measures = measure_gold(pairs, [row | {"threshold": tau} for row in rows])
    return {"tau": tau, "gold": measures, "flip_rate": flip_rate(measures, config.gold.min_n)}


async def ask_gold(
    desk: RunJournal,
    config: JudgeConfig,
    endpoints: Endpoints,
    pairs: list[GoldPair],
    repeat: int,
    progress: Progress,
) -> tuple[list[list[Row]], float]:
    """The jury's verdicts on each pair in both orders, and the seconds that asking took."""
    prompts, candidates = gold_rows(pairs)
    sides = by_prompt(candidates)
    async with panel(desk, config, endpoints, config.jury) as judge:

        async def work(prompt: Row) -> list[Row]:
            a, b = sides[prompt["prompt_id"]]
            return await both_orders(judge, prompt, a, b, "gold", repeat)

        started = time.monotonic()  # a server that is started first is not the judge's speed
        return await stream(prompts, work, progress), time.monotonic() - started


def judge_health(
    folder: Path,
    config: JudgeConfig,
    endpoints: Endpoints,
    tau: float = 0.5,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Test the judge on a sample of the round and measure it; the measures are the facts.

    Raises Stopped, with every bound that is crossed, before anything is trained on its labels.
    """
    first, count = finished_rounds(run_of(folder))[:1], 4 * config.health.sample
    anchors = sampled_prompts(first[0], count) if first else []
    names = [*config.jury[:1], *([config.health.second] if config.health.second else [])]
    key = stage_key(
        rows_hash("verdicts", iter_rows(folder, VERDICTS, ["train"], OF_VERDICTS), OF_VERDICTS),
        [rows_hash("verdicts", anchor.verdicts) for anchor in anchors],
        depends_on(config, endpoints, names),
    )

    def run() -> dict[str, Any]:
        chosen = sampled_prompts(folder, count)
        rows, planted = asyncio.run(
            _health(folder, config, endpoints, chosen, anchors, tau, progress)
        )
        replace_splits(folder, CANDIDATES, ["health"], planted)
        replace_splits(folder, VERDICTS, ["health"], rows)
        prompts = iter_rows(folder, PROMPTS, ["train"], ["prompt_id"])
        ids = [row["prompt_id"] for row in prompts]
        labelled = judged_prompts(folder, ids, OF_CANDIDATES, OF_VERDICTS)
        before = [row for anchor in anchors for row in anchor.verdicts]
        return {"health": measure(labelled, rows, planted, before)}

    facts = run_stage(folder, "health", key, run)
    _within(config, facts["health"], None)
    return facts


def _within(config: JudgeConfig, health: Measures | None, gold: Measures | None) -> None:
    """Raise Stopped with every bound that is crossed."""
    over = crossed(health, gold, config.health.bounds)
    if over:
        raise Stopped(
            "the judge is out of bounds, nothing is trained on its labels: " + "; ".join(over)
        )


async def _health(
    folder: Path,
    config: JudgeConfig,
    endpoints: Endpoints,
    chosen: list[JudgedPrompt],
    anchors: list[JudgedPrompt],
    tau: float,
    progress: Progress,
) -> tuple[list[Row], list[Row]]:
    if not config.health.sample or not is_endpoint(config.jury[0]):
        return [], []
    work: list[Work] = []
    planted: list[Row] = []
    async with panel(run_journal(folder), config, endpoints, config.jury[:1], tau) as judge:
        work += [repeated(judge, subject) for subject in chosen if can_be_repeated(subject)]
        for subject in chosen[: config.health.sample]:
            more, texts = trials(judge, subject)
            work += more
            planted += texts
        work += [
            anchored(judge, subject, round_number(folder))
            for subject in anchors
            if can_be_repeated(subject)
        ]
        found = await stream(work, lambda one: one(), progress)
    if config.health.second is not None:
        async with panel(
            run_journal(folder), config, endpoints, [config.health.second], tau
        ) as judge:
            opinions = [
                second_opinion(judge, subject) for subject in chosen[: config.health.sample]
            ]
            found += await stream(opinions, lambda one: one(), progress)
    return [row for rows in found for row in rows], planted
