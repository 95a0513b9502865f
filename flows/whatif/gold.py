"""The gold set of a round, settled again at another threshold or with fewer judges."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from judge.config import JudgeConfig, is_endpoint
from judge.health.examine import gold_facts
from judge.health.gold import (
    decided_rightly,
    gold_rows,
    most_gold_calls,
    outcomes_on,
    read_gold,
)
from judge.health.gold_lines import GoldPair
from judge.stored import is_by
from rounds.errors import UserError
from rounds.rows import VERDICTS, Verdict
from rounds.tables import iter_rows
from rounds.verdicts import SETTLED_BY


class Settled(NamedTuple):
    """The threshold, and of each gold pair whether it is decided rightly: None where it is not
    decided. `measures` are the judge's on the gold set, None where there is none."""

    tau: float
    measures: dict[str, Any] | None
    right: list[bool | None]


class GoldSet(NamedTuple):
    """The gold set's pairs and the round's verdicts on them; `fault` says why there are none."""

    pairs: list[GoldPair]
    verdicts: list[Verdict]
    fault: str | None


def gold_of_round(folder: Path, config: JudgeConfig) -> GoldSet:
    """The gold set that a config names, with what the round's judges said of it."""
    rows = list(iter_rows(folder, VERDICTS, ["gold"], SETTLED_BY))
    if config.gold is None or not rows:
        return GoldSet([], [], None)
    try:
        return GoldSet(read_gold(config.gold.path, "judge.gold.path"), rows, None)
    except UserError as error:  # it lies elsewhere now
        return GoldSet([], [], str(error))


def settled_again(gold: GoldSet, config: JudgeConfig, tau: float | None) -> Settled:
    """The gold set by these settings; `tau` is the threshold of the round where it stays.

    Raises UserError where the threshold is to be taken from the set and it gives none.
    """
    verdicts = [row for row in gold.verdicts if _by_any(config.jury, row)]
    if tau is None and isinstance(config.tau, str) and gold.fault:
        raise UserError(gold.fault)
    if not verdicts:
        assert tau is not None or not isinstance(config.tau, str), "a taken threshold has a set"
        return Settled(float(config.tau) if tau is None else tau, None, [])
    given = config if tau is None else config.model_copy(update={"tau": tau})
    facts = gold_facts(given, gold.pairs, verdicts)
    at = [row | {"threshold": facts["tau"]} for row in verdicts]
    right = decided_rightly(gold.pairs, outcomes_on(gold.pairs, at))
    return Settled(facts["tau"], facts["gold"], right)


def calls_on_gold(
    gold: GoldSet, config: JudgeConfig, before: JudgeConfig, anew: Collection[str]
) -> int:
    """Calls that the gold set takes beyond what is stored: of the judges, or all of the kind
    pairwise, that are asked `anew`, of those who judge only now, and on pairs that are new.
    """
    if config.gold is None:
        return 0
    known = {row["prompt_id"] for row in gold.verdicts}
    prompts, _ = gold_rows(read_gold(config.gold.path, "judge.gold.path"))
    new = [row for row in prompts if row["prompt_id"] not in known]
    return sum(
        most_gold_calls(len(prompts if _is_new(name, before, anew) else new))
        for name in filter(is_endpoint, config.jury)
    )


def _is_new(name: str, before: JudgeConfig, anew: Collection[str]) -> bool:
    return name not in before.jury or name in anew or "pairwise" in anew


def _by_any(names: list[str], row: Verdict) -> bool:
    return any(is_by(name, row["judge_id"]) for name in names)
