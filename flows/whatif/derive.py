"""A round derived again by other settings, from the verdicts that it has and without one call.

The stages' own functions do it: the strategy goes through the stored verdicts, and the pairs are
built, cleaned and compared with earlier rounds, in a temporary folder. The run is only read.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from flows.config import Config
from flows.derived import copied_round
from flows.load import config_of
from flows.whatif.gold import GoldSet, Settled, calls_on_gold, gold_of_round, settled_again
from flows.whatif.needed import changed, needed_for
from flows.whatif.own import judged_round, otherwise_asked, otherwise_made, round_tau
from flows.whatif.people import preferred
from flows.whatif.result import WhatIf
from flows.whatif.settings import Setting, Sorted, sort_settings, with_settings
from flows.whatif.sides import Fates, Labels, people_difference, read_fates, read_lookup, side
from flows.whatif.unknown import as_far_as_known, moved, unknown
from judge.inputs import answered_prompt_ids
from judge.labels import read_labels
from judge.relabel import Open, judged_ids, relabel
from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.paired import INTERVAL, paired_difference
from rounds.rows import VERDICTS
from rounds.scratch import scratch
from rounds.stages import Progress, silent
from rounds.tables import write_rows

STEPS = 3
"""Reported as they are done: the pairs of the round, its verdicts again, its pairs again."""


class Judged(NamedTuple):
    """A judged round: what it was judged by, and the prompts that were judged."""

    folder: Path
    config: Config
    ids: list[str]
    tau: float
    gold: GoldSet


class Made(NamedTuple):
    """The pairs of one side: what became of every comparison, and by how much chosen is longer."""

    fates: Fates
    length_difference: float | None


def derive(
    run_dir: Path, number: int, overrides: Sequence[str], progress: Progress = silent
) -> WhatIf:
    """What round `number` of a run would be with `overrides`, each as `--set` takes it.

    Raises UserError for a run or round that is not there or not judged yet, for a setting that is
    wrong, and where the gold set does not give the threshold that is asked of it.
    """
    folder, own = judged_round(run_dir, number)
    ids = judged_ids(folder, answered_prompt_ids(folder))
    gold = gold_of_round(folder, own.judge)
    judged = Judged(folder, own, ids, round_tau(folder, own), gold)
    where = f"round {number} by other settings"
    wanted = config_of(own.model_dump(mode="json"), where, Path.cwd(), list(overrides))
    found = _with_what_is_stored(sort_settings(own, wanted), judged, where)
    needed = needed_for(found, folder, wanted, own, gold, ids, judged.tau)
    config = _config(own, found.derived, where)
    settled = _settled(judged, config, found.derived)
    before_gold = settled_again(gold, own.judge, judged.tau)
    labels = preferred(run_dir)
    notes = [gold.fault] if gold.fault else []
    left: dict[str, Open] = {}
    with copied_round(folder, index=True) as copy:
        lookup, before = read_lookup(copy), _made(copy, own.pairs)
        notes += otherwise_made(folder, before.fates)
        progress(1, STEPS)
        if any(one.path[0] == "judge" for one in found.derived):
            work = copy / "work"
            notes += otherwise_asked(folder, work / "own", ids, own, judged.tau)
            left = asyncio.run(relabel(folder, work / "new", ids, config.judge, settled.tau))
            write_rows(copy, VERDICTS, read_labels(work / "new", ids))
        progress(2, STEPS)
        tried = bool(found.derived) or needed is None
        after = _made(copy, config.pairs) if tried else before
        after = after._replace(fates=as_far_as_known(after.fates, left))
        progress(3, STEPS)
    gained, lost, open_pairs = moved(before.fates, after.fates, left)
    sides = [
        side(made.fates, lookup, labels, gold.tau, gold.measures, made.length_difference)
        for made, gold in ((before, before_gold), (after, settled))
    ]
    return {
        "run": run_dir.resolve().name,
        "round": number,
        "settings": changed(found.derived),
        "needed": needed,
        "no_pair": changed(found.no_pair),
        "before": sides[0],
        "after": sides[1] if tried else None,
        "gained": gained,
        "lost": lost,
        "unknown": unknown(left, open_pairs) if left else None,
        "gold_difference": _on_gold(before_gold, settled) if tried else None,
        "people_difference": _of_people(before, after, labels) if tried else None,
        "interval": INTERVAL,
        "notes": notes,
    }


def _with_what_is_stored(found: Sorted, judged: Judged, where: str) -> Sorted:
    """Settings that may need calls, as such where they do, and else among the derived ones."""
    own = judged.config
    if found.gold:
        judge = _config(own, found.gold, where).judge
        if not judged.gold.fault and not calls_on_gold(judged.gold, judge, own.judge, ()):
            found = found._replace(derived=[*found.derived, *found.gold], gold=[])
    if found.if_stored:
        settings = [*found.derived, *found.if_stored]
        judge = _config(own, settings, where).judge
        with scratch("whatif") as work:
            again = relabel(judged.folder, work, judged.ids, judge, judged.tau)
            stored = not asyncio.run(again)
        if stored:
            return found._replace(derived=settings, if_stored=[])
        found = found._replace(verdicts=[*found.verdicts, *found.if_stored], if_stored=[])
    return found


def _config(own: Config, settings: Sequence[Setting], where: str) -> Config:
    return config_of(with_settings(own, list(settings)), where, Path.cwd())


def _settled(judged: Judged, config: Config, settings: list[Setting]) -> Settled:
    """The gold set and the threshold by these settings."""
    keys = {one.path[1] for one in settings if one.path[0] == "judge"}
    gold = gold_of_round(judged.folder, config.judge) if "gold" in keys else judged.gold
    taken = isinstance(config.judge.tau, str) and keys & {"gold", "endpoint"}
    tau = None if "tau" in keys or taken else judged.tau
    return settled_again(gold, config.judge, tau)


def _made(copy: Path, config: PairsConfig) -> Made:
    facts = build_pairs(copy, config)
    return Made(read_fates(copy), facts["length_difference"]["after"])


def _on_gold(before: Settled, after: Settled) -> dict[str, Any] | None:
    if len(before.right) != len(after.right) or not after.right:  # of different sets, or of none
        return None
    return paired_difference(before.right, after.right)


def _of_people(before: Made, after: Made, labels: Labels) -> dict[str, Any] | None:
    return people_difference(before.fates, after.fates, labels) if labels else None
