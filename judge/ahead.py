"""Asking ahead of the stages: what they are going to ask about a prompt, as soon as its candidates
are there. Only the journal is written; the stage that comes then finds its answers in it.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from endpoints.budget import Budget
from endpoints.concurrency import PROMPTS_AT_ONCE, run_as_they_come
from endpoints.open import Endpoints
from judge.config import JudgeConfig
from judge.early import Against
from judge.health.bounds import crossed_bounds
from judge.health.examine import ask_gold, gold_facts
from judge.health.gold import read_gold
from judge.held_out import articles_of, ask_match, ask_questions, matches_of
from judge.inputs import JudgeInput
from judge.labels import labelling
from judge.panel import panel, run_journal
from rounds.folder import round_number
from rounds.rows import HELD_OUT, PROMPTS, Candidate, Prompt
from rounds.stages import silent
from rounds.tables import by_prompt, iter_rows, read_rows


class Answered(Protocol):
    """A prompt with candidates, and whether there will be no more of them."""

    @property
    def prompt_id(self) -> str: ...
    @property
    def candidates(self) -> list[Candidate]: ...
    @property
    def whole(self) -> bool: ...


Arrived = Callable[[], Iterable[Answered]]
"""The prompts that were answered since it was called last, in the order of prompts.parquet."""


async def ask_labels_ahead(
    folder: Path,
    config: JudgeConfig,
    endpoints: Endpoints,
    arrived: Arrived,
    done: Callable[[], None],
) -> None:
    """Ask about the gold set, then as `write_labels` does, appeals aside, until it is cancelled.
    `done` is called after each prompt.

    A budget is spent on the prompts that the stage spends it on, in their order. What was asked
    then waits for the stages in the journal and in `endpoints.ahead`. No label is asked of a judge
    that the gold set stops. Raises as the stages do.
    """
    budget, ahead = Budget(**config.budget.model_dump()), endpoints.ahead
    limited = any((config.budget.calls, config.budget.tokens, config.budget.cost))
    tau = await _tau(folder, config, endpoints)
    if tau is None:
        return
    prompts = iter_rows(folder, PROMPTS, ["train"])
    over = False

    def inputs() -> Iterator[JudgeInput]:
        nonlocal over
        for prompt_id, candidates in _settled(arrived):
            over |= limited and candidates is None  # the stage spends on it before the later ones
            if over:
                return
            if candidates is not None:
                prompt = next(row for row in prompts if row["prompt_id"] == prompt_id)
                yield JudgeInput(prompt, candidates)

    jury = panel(
        run_journal(folder),
        config,
        endpoints,
        config.jury,
        tau,
        budget=budget,
        traffic=ahead.traffic,
        unusable=ahead.unusable,
        beside=True,
    )
    async with jury as judge:
        work = labelling(judge, budget)
        await run_as_they_come(inputs, work, PROMPTS_AT_ONCE, lambda *_: done())


async def ask_held_out_ahead(
    folder: Path,
    config: JudgeConfig,
    endpoints: Endpoints,
    trained: str,
    arrived: Arrived,
    done: Callable[[], None],
    against: Against | None = None,
) -> None:
    """The same for `held_out_verdicts`. With `against` about the test prompts alone: which gate
    prompts are asked about follows from what was said of the others.
    """
    splits = HELD_OUT if against is None else ("test",)
    prompts = {row["prompt_id"]: row for row in read_rows(folder, PROMPTS, splits)}
    journal, known = run_journal(folder), endpoints.ahead.unusable
    jury = panel(journal, config, endpoints, config.jury, unusable=known, beside=True)
    async with jury as judge:

        def inputs() -> Iterator[tuple[Prompt, list[Candidate]]]:
            for prompt_id, candidates in _settled(arrived):
                if prompt_id in prompts and candidates is not None:
                    yield prompts[prompt_id], candidates

        async def work(item: tuple[Prompt, list[Candidate]]) -> None:
            asked = [item[0]], by_prompt(item[1]), trained
            for article in articles_of(judge, *asked):
                await ask_questions(judge, article)
            for match in matches_of(*asked):
                await ask_match(judge, match)

        await run_as_they_come(inputs, work, PROMPTS_AT_ONCE, lambda *_: done())


async def _tau(folder: Path, config: JudgeConfig, endpoints: Endpoints) -> float | None:
    """The threshold, from the gold set if there is one; None where that is to stop the round."""
    if config.gold is None:
        return float(config.tau)
    pairs, repeat = read_gold(config.gold.path, "judge.gold.path"), round_number(folder) - 1
    journal, known = run_journal(folder), endpoints.ahead.unusable
    asked = ask_gold(journal, config, endpoints, pairs, repeat, silent, known, beside=True)
    by_pair, _ = await asked
    facts = gold_facts(config, pairs, [row for rows in by_pair for row in rows])
    return None if crossed_bounds(None, facts["gold"], config.health.bounds) else facts["tau"]


def _settled(arrived: Arrived) -> Iterator[tuple[str, list[Candidate] | None]]:
    """Each prompt with its candidates, or None where the round may yet have others."""
    for one in arrived():
        yield one.prompt_id, one.candidates if one.whole else None
