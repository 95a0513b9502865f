"""What a run would take for settings that cannot be tried on what is stored."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from flows.config import Config
from flows.plan_calls import judge_calls
from flows.whatif.gold import GoldSet, calls_on_gold
from flows.whatif.result import Changed, Needed
from flows.whatif.settings import Setting, Sorted
from judge.relabel import relabel
from rounds.rows import PROMPTS
from rounds.scratch import scratch
from rounds.tables import iter_rows


def needed_for(
    found: Sorted,
    folder: Path,
    wanted: Config,
    own: Config,
    gold: GoldSet,
    ids: Sequence[str],
    tau: float,
) -> Needed | None:
    """The settings that need other answers or verdicts, and their calls; None where none does.

    `wanted` is the config with all settings, `own` that of the round, `ids` the prompts that it
    judged, `tau` its threshold.
    """
    settings = [*found.answers, *found.verdicts, *found.gold]
    if not settings:
        return None
    prompts = sum(1 for _ in iter_rows(folder, PROMPTS, ["train"], ["prompt_id"]))
    least = answers = 0
    if found.answers:
        if any(one.path[0] == "prompts" for one in found.answers):
            prompts = wanted.prompts.per_round
        answers = prompts * wanted.sampler.candidates
    else:
        anew = found.asked_anew
        with scratch("whatif") as work:
            left = asyncio.run(relabel(folder, work, ids, wanted.judge, tau, anew))
        least = sum(prompt.least_calls for prompt in left.values())
        if not gold.fault:
            least += calls_on_gold(gold, wanted.judge, own.judge, anew)
    if gold.fault:
        without_gold = wanted.judge.model_copy(update={"gold": None})
        wanted = wanted.model_copy(update={"judge": without_gold})
    calls = Counter[str]()
    for (what, _), n in judge_calls(wanted, prompts, held_out=0).items():
        calls[what] += n
    return {
        "settings": changed(settings),
        "answers": answers,
        "calls_at_least": least,
        "calls_at_most": max(least, calls.total()),
        "calls": {what: n for what, n in calls.items() if n},
    }


def changed(settings: Sequence[Setting]) -> list[Changed]:
    """Settings as data."""
    return [{"key": one.key, "before": one.before, "after": one.after} for one in settings]
