"""The judge under examination: on the gold set before it labels, on a sample of the round after."""

import asyncio
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from endpoints.concurrency import map_concurrently
from endpoints.open import Endpoints
from endpoints.reply import Reply
from judge.asking.questions import both_orders
from judge.config import JudgeConfig, is_endpoint
from judge.forget import forget_unreadable
from judge.health.bounds import crossed_bounds, held_to
from judge.health.config import wanted_accuracy
from judge.health.gold import flip_rate, gold_rows, measure_gold, read_gold, threshold_for
from judge.health.gold_lines import GoldPair
from judge.health.measures import CANDIDATE_COLUMNS, VERDICT_COLUMNS, measure
from judge.health.trials import (
    REPEATS,
    Trial,
    anchored,
    can_be_repeated,
    canaries_and_triad,
    repeated,
    second_opinion,
)
from judge.inputs import JudgedPrompt, judged_prompts, sample_judged_prompts
from judge.panel import RunJournal, panel, panel_identity, run_journal
from rounds.errors import Stopped, UserError
from rounds.folder import finished_rounds, round_number, run_of
from rounds.rows import CANDIDATES, PROMPTS, VERDICTS, Candidate, Prompt, Verdict
from rounds.stages import Progress, run_stage, silent, stage_key
from rounds.tables import by_prompt, iter_rows, replace_splits, rows_hash

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
        [pair._asdict() for pair in pairs], repeat, panel_identity(config, endpoints, config.jury)
    )

    def run() -> dict[str, Any]:
        prompts, candidates = gold_rows(pairs)
        journal, known = run_journal(folder), dict(endpoints.ahead.unusable)
        by_pair, _ = asyncio.run(
            ask_gold(journal, config, endpoints, pairs, repeat, progress, known)
        )
        verdicts = [row for rows in by_pair for row in rows]
        replace_splits(folder, PROMPTS, ["gold"], prompts)
        replace_splits(folder, CANDIDATES, ["gold"], candidates)
        replace_splits(folder, VERDICTS, ["gold"], verdicts)
        try:
            return gold_facts(config, pairs, verdicts)
        except UserError:  # a judge that is mended is to be asked again
            forget_unreadable(run_journal(folder).path, verdicts, "gold gave no threshold")
            raise

    facts = run_stage(folder, "gold", key, run)
    _stop_out_of_bounds(config, None, facts["gold"])  # before labels are paid for
    return facts


def gold_facts(
    config: JudgeConfig, pairs: list[GoldPair], verdicts: list[Verdict]
) -> dict[str, Any]:
    """The threshold and the measures that the verdicts on the gold set give."""
    wanted = wanted_accuracy(config.tau)
    assert config.gold is not None, "there is a gold set to measure on"
    tau = (
        float(config.tau)
        if wanted is None
        else threshold_for(pairs, verdicts, wanted, config.gold.min_n)
    )
    measures = measure_gold(pairs, [row | {"threshold": tau} for row in verdicts])
    return {"tau": tau, "gold": measures, "flip_rate": flip_rate(measures, config.gold.min_n)}


async def ask_gold(
    journal: RunJournal,
    config: JudgeConfig,
    endpoints: Endpoints,
    pairs: list[GoldPair],
    repeat: int,
    progress: Progress,
    unusable: dict[str, Reply] | None = None,
    beside: bool = False,
) -> tuple[list[list[Verdict]], float]:
    """The jury's verdicts on each pair in both orders, and the seconds that asking took; `unusable`
    and `beside` as `panel` takes them.
    """
    prompts, candidates = gold_rows(pairs)
    answers = by_prompt(candidates)
    jury = panel(journal, config, endpoints, config.jury, unusable=unusable, beside=beside)
    async with jury as judge:

        async def ask(prompt: Prompt) -> list[Verdict]:
            a, b = answers[prompt["prompt_id"]]
            return await both_orders(judge, prompt, a, b, "gold", repeat)

        started = time.monotonic()  # a server that is started first is not the judge's speed
        return await map_concurrently(prompts, ask, progress), time.monotonic() - started


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
    first_round, count = finished_rounds(run_of(folder))[:1], REPEATS * config.health.sample
    anchors = sample_judged_prompts(first_round[0], count) if first_round else []
    names = [*config.jury[:1], *([config.health.second] if config.health.second else [])]
    labels = iter_rows(folder, VERDICTS, ["train"], VERDICT_COLUMNS)
    key = stage_key(
        rows_hash(VERDICTS, labels, VERDICT_COLUMNS),
        [rows_hash(VERDICTS, anchor.verdicts) for anchor in anchors],
        panel_identity(config, endpoints, names),
    )

    def run() -> dict[str, Any]:
        sample = sample_judged_prompts(folder, count)
        tests, planted = asyncio.run(
            _ask_trials(folder, config, endpoints, sample, anchors, tau, progress)
        )
        replace_splits(folder, CANDIDATES, ["health"], planted)
        replace_splits(folder, VERDICTS, ["health"], tests)
        prompts = iter_rows(folder, PROMPTS, ["train"], ["prompt_id"])
        ids = [row["prompt_id"] for row in prompts]
        labelled = judged_prompts(folder, ids, CANDIDATE_COLUMNS, VERDICT_COLUMNS)
        before = [row for anchor in anchors for row in anchor.verdicts]
        return {"health": measure(labelled, tests, planted, before)}

    facts = run_stage(folder, "health", key, run)
    _stop_out_of_bounds(config, facts["health"], None)
    return facts


def _stop_out_of_bounds(
    config: JudgeConfig, health: Measures | None, gold: Measures | None
) -> None:
    """Raise Stopped with every bound that is crossed."""
    if crossed := crossed_bounds(health, gold, config.health.bounds):
        raise Stopped(
            "the judge is out of bounds, nothing is trained on its labels: " + "; ".join(crossed),
            "mend the judge and run the same command again, which asks anew what it failed at, or "
            "change the config",
            held_to(health, gold, config.health.bounds),
        )


async def _ask_trials(
    folder: Path,
    config: JudgeConfig,
    endpoints: Endpoints,
    sample: list[JudgedPrompt],
    anchors: list[JudgedPrompt],
    tau: float,
    progress: Progress,
) -> tuple[list[Verdict], list[Candidate]]:
    """Verdict rows of the split health, and the candidate rows of the worthless texts."""
    if not config.health.sample or not is_endpoint(config.jury[0]):
        return [], []
    planted: list[Candidate] = []
    journal, number = run_journal(folder), round_number(folder)
    async with panel(journal, config, endpoints, config.jury[:1], tau) as judge:
        trials = [repeated(judge, judged) for judged in sample if can_be_repeated(judged)]
        for judged in sample[: config.health.sample]:
            of_prompt, canaries = canaries_and_triad(judge, judged)
            trials += of_prompt
            planted += canaries
        trials += [anchored(judge, judged, number) for judged in anchors if can_be_repeated(judged)]
        verdicts = await map_concurrently(trials, _ask, progress)
    if config.health.second is not None:
        async with panel(journal, config, endpoints, [config.health.second], tau) as judge:
            opinions = [second_opinion(judge, judged) for judged in sample[: config.health.sample]]
            verdicts += await map_concurrently(opinions, _ask, progress)
    return [row for rows in verdicts for row in rows], planted


def _ask(trial: Trial) -> Awaitable[list[Verdict]]:
    return trial()
