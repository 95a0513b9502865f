"""What a round concluded, derived again by the stages' own functions from what it rests on."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flows.config import Config
from flows.derived import copied_round
from gate.stage import decide
from pairs.contamination import Contamination
from pairs.decide import leak_limits
from pairs.pair import answer_texts
from pairs.stage import build_pairs
from rounds.checks import Looked
from rounds.ids import digest
from rounds.rows import DROPPED, EXTRA, HELD_OUT, PAIRS, PROMPTS, Messages, Table
from rounds.schema import arrow_schema
from rounds.stages import Progress
from rounds.tables import iter_rows
from texts.leaks import LeakFinder

TABLES: tuple[Table[Any], ...] = (PAIRS, DROPPED)


def check_derived_pairs(looked: Looked, folder: Path, config: Config, progress: Progress) -> None:
    """Every pair and drop as the pairs stage makes it of the stored verdicts.

    Earlier rounds are compared with as they are. Holds a hash of every row in memory.
    """
    with copied_round(folder) as copy:
        build_pairs(copy, config.pairs, progress)
        made = {name: (table, said) for table in TABLES for name, said in _said(copy, table)}
        there: dict[str, str] = {}
        for table in TABLES:
            for row in iter_rows(folder, table):
                name = row["pair_id"]
                there[name] = table
                expected = made.get(name)
                if expected is None:
                    looked.must(False, table, name, "no verdict leads to it")
                elif expected[0] != table:
                    what = f"belongs into {expected[0]}.parquet"
                    looked.must(False, table, name, what + _reason(copy, expected[0], name))
                elif expected[1] == _hash(table, row):
                    looked.n += 1
                else:
                    looked.must(False, table, name, _differs(row, copy, table, name))
        for name, (table, _) in made.items():
            if name not in there:
                looked.must(False, table, name, "is missing")


def check_leaks(looked: Looked, folder: Path, config: Config) -> None:
    """No held-out prompt, as exact and near as the config says, in what was trained on."""
    held_out = list(iter_rows(folder, PROMPTS, HELD_OUT, ["prompt_id", "messages", "reference"]))
    for table, limits in (
        (PAIRS, leak_limits(folder, config.pairs)),
        (EXTRA, config.pairs.leak_limits),
    ):
        finder = LeakFinder(held_out, limits)
        contamination = Contamination(
            finder, iter_rows(folder, PROMPTS, ["train"], ["prompt_id", "messages"])
        )
        leaks = finder.leaks_of_prompts(_prompts(folder, table))
        columns = ["pair_id", "prompt_id", "prompt", "chosen", "rejected"]
        rows = iter_rows(folder, table, columns=columns)
        for row, leak in zip(rows, leaks, strict=True):
            quoted = contamination.leak_of(row["prompt_id"], row["prompt"], answer_texts(row))
            found = leak or quoted
            what = f"{found.reason}: {found.detail}" if found else ""
            looked.must(found is None, table, row["pair_id"], what)


def check_decision(looked: Looked, folder: Path, config: Config, facts: dict[str, Any]) -> None:
    """The gate's decision and win rates as they follow from the held-out verdicts."""
    decision, trained = facts["decision"], facts["trained"]
    if trained is None:
        right = decision["promoted"] is False
        looked.must(right, "manifest.json", "decision", "promotes and nothing was trained")
        return
    ids = [facts[name]["policy_id"] for name in ("trained", "policy", "initial")]
    with copied_round(folder) as copy:
        made = decide(copy, config.gate.model_copy(update={"metrics": {}}), *ids)
    for name in ("promoted", "reasons"):
        what = f"{name} is {decision[name]}, its verdicts say {made[name]}"
        looked.must(decision[name] == made[name], "manifest.json", "decision", what)
    for split in HELD_OUT:
        said = facts["win_rates"].get(split)
        same = _close(said, {**made["metrics"][split]})
        looked.must(same, "manifest.json", f"win_rates.{split}", "is not what its verdicts say")


def _prompts(folder: Path, table: Table[Any]) -> Iterator[Messages]:
    return (row["prompt"] for row in iter_rows(folder, table, columns=["prompt"]))


def _close(one: Any, other: Any) -> bool:
    """Equal but for what is younger than the manifest, and the last digits of numbers."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(name in other and _close(value, other[name]) for name, value in one.items())
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) < 1e-9
    return bool(one == other)


def _said(folder: Path, table: Table[Any]) -> Iterator[tuple[str, str]]:
    return ((row["pair_id"], _hash(table, row)) for row in iter_rows(folder, table))


def _hash(table: str, row: Mapping[str, Any]) -> str:
    return digest([row[name] for name in arrow_schema(table).names])


def _row(folder: Path, table: Table[Any], pair_id: str) -> Mapping[str, Any]:
    return next(row for row in iter_rows(folder, table) if row["pair_id"] == pair_id)


def _reason(folder: Path, table: Table[Any], pair_id: str) -> str:
    reason = _row(folder, table, pair_id).get("reason")
    return f": {reason}" if reason else ""


def _differs(row: Mapping[str, Any], copy: Path, table: Table[Any], name: str) -> str:
    made = _row(copy, table, name)
    columns = [column for column in made if made[column] != row[column]]
    return f"{', '.join(columns)} is not what its verdicts lead to"
