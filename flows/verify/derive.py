"""What a round concluded, derived again by the stages' own functions from what it rests on."""

from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from flows.config import Config
from flows.derived import copied_round
from gate.stage import Taken, decide
from gate.suite_config import OWN_SCORES
from gate.suites import all_figures, load_score
from gate.win_rate import SCORE, SEQUENCE
from pairs.config import PairsConfig
from pairs.contamination import Contamination
from pairs.decide import leak_limits
from pairs.pair import answer_texts
from pairs.stage import build_pairs
from rounds.checks import Looked
from rounds.folder import read_metrics, read_round_start
from rounds.ids import digest, text_hash
from rounds.places import Places
from rounds.rows import (
    DROPPED,
    EXTRA,
    HELD_OUT,
    PAIRS,
    PROMPTS,
    SUITES,
    Messages,
    SuiteAnswer,
    Table,
)
from rounds.schema import arrow_schema
from rounds.stages import Progress
from rounds.tables import iter_rows, read_rows
from texts.leaks import LeakFinder, LeakLimits

NEAR = "held_out_near"

TABLES: tuple[Table[Any], ...] = (PAIRS, DROPPED)


def check_derived_pairs(looked: Looked, folder: Path, config: Config, progress: Progress) -> None:
    """Every pair and drop as the pairs stage makes it of the stored verdicts.

    Earlier rounds are compared with as they are. Holds 33 bytes of every row in memory.
    """
    section, as_now = _as_compared(looked, folder, config)
    with copied_round(folder) as copy:
        build_pairs(copy, section, progress)
        made, said, found = _made(copy)
        for table in TABLES:
            for row in iter_rows(folder, table):
                name, place = row["pair_id"], made.place(row["pair_id"])
                if place >= 0:
                    found[place] = True
                if not as_now and row.get("reason") == NEAR:
                    continue
                if place < 0:
                    looked.must(False, table, name, "no verdict leads to it")
                elif (other := TABLES[said["table"][place]]) != table:
                    what = f"belongs into {other}.parquet"
                    looked.must(False, table, name, what + _reason(copy, other, name))
                elif said["hash"][place] == _hash(table, row):
                    looked.n += 1
                else:
                    columns = _different(row, _row(copy, table, name))
                    if not as_now and set(columns) <= {"reason", "detail"}:
                        looked.leave_out("reasons of drops that an earlier version named otherwise")
                        continue
                    what = f"{', '.join(columns)} is not what its verdicts lead to"
                    looked.must(False, table, name, what)
        if not found.all():
            for table in TABLES:
                for row in iter_rows(copy, table, columns=["pair_id"]):
                    if not found[made.place(row["pair_id"])]:
                        looked.must(False, table, row["pair_id"], "is missing")


def check_leaks(looked: Looked, folder: Path, config: Config) -> None:
    """No held-out prompt, as exact and near as the config says, in what was trained on."""
    held_out = list(iter_rows(folder, PROMPTS, HELD_OUT, ["prompt_id", "messages", "reference"]))
    section, _ = _as_compared(looked, folder, config)
    trained_on: tuple[tuple[Table[Any], LeakLimits], ...] = (
        (PAIRS, leak_limits(folder, section)),
        (EXTRA, section.leak_limits),
    )
    for table, limits in trained_on:
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
    new, old, first = (facts[name]["policy_id"] for name in ("trained", "policy", "initial"))
    metrics = read_metrics(folder)
    taken = Taken(metrics.get("custom", {}), metrics.get("suites", {}))
    kl = (metrics.get("train") or {}).get("kl_per_token")
    with copied_round(folder) as copy:
        made = decide(copy, config.gate, new, old, first, kl, taken)
    as_now = _intervals_as_now(facts["win_rates"])
    for name in ("promoted", "reasons") if as_now else ():
        what = f"{name} is {decision[name]}, its verdicts say {made[name]}"
        looked.must(decision[name] == made[name], "manifest.json", "decision", what)
    if not as_now:
        looked.leave_out("the decision and intervals of a gate of an earlier version")
    for split in HELD_OUT:
        said = facts["win_rates"].get(split)
        same = _close(said if as_now else _without_intervals(said), {**made["metrics"][split]})
        looked.must(same, "manifest.json", f"win_rates.{split}", "is not what its verdicts say")


def check_suites(looked: Looked, folder: Path, config: Config, facts: dict[str, Any]) -> None:
    """The figures of the regression suites, by the answers in suites.parquet; those that a function
    of the user's scores are taken as they are. Ids and hashes of the answers as well.
    """
    said = read_metrics(folder).get("suites", {})
    if facts["trained"] is None or facts["trained"]["policy_id"] == facts["policy"]["policy_id"]:
        return
    rows = read_rows(folder, SUITES)
    sampling = config.sampler.sampling_of("current", facts["policy"].get("served") is not None)
    for row in rows:
        right = _suite_id(row, sampling) == row["candidate_id"]
        what = "its id is not that of its prompt, policy and seed"
        looked.must(right, SUITES, row["candidate_id"], what)
        right = text_hash(row["text"]) == row["text_hash"]
        looked.must(right, SUITES, row["candidate_id"], "its text is not that of its hash")
    own = {name: one for name, one in config.gate.suites.items() if one.score in OWN_SCORES}
    if len(own) < len(config.gate.suites):
        looked.leave_out("suites that a function of the user's scores")
    scores = {name: load_score(name, suite)[0] for name, suite in own.items()}
    ids = facts["trained"]["policy_id"], facts["policy"]["policy_id"]
    made = all_figures(config.gate.suites, scores, rows, *ids, config.gate.confidence)
    for name in own:
        same = _close(said.get(name), made[name])
        looked.must(same, "metrics.json", f"suites.{name}", "is not what its answers say")


def _suite_id(row: SuiteAnswer, sampling: dict[str, Any]) -> str:
    """The id that an answer must have, or a reference that was read."""
    asked = row["prompt_id"], row["policy_id"]
    if row["logprob"] is not None:
        return digest("reading", *asked, row["text_hash"])
    return digest("candidate", *asked, row["seed"], row["index"], sampling)


def _as_compared(looked: Looked, folder: Path, config: Config) -> tuple[PairsConfig, bool]:
    """The section of the config that can be looked at, and whether held-out prompts in other words
    can: rounds whose start does not say how prompts were dealt were compared otherwise.
    """
    if "near_held_out" in read_round_start(folder):
        return config.pairs, True
    looked.leave_out("held-out prompts in other words: this round was compared by an earlier way")
    return config.pairs.model_copy(update={"held_out_near": None}), False


def _prompts(folder: Path, table: Table[Any]) -> Iterator[Messages]:
    return (row["prompt"] for row in iter_rows(folder, table, columns=["prompt"]))


def _intervals_as_now(tree: Any) -> bool:
    """Whether no win rate has an interval of an earlier version (Wilson's, with ties as halves)."""
    if not isinstance(tree, dict):
        return True
    if "strictly_better" in tree:
        return tree.get("interval") in (SCORE, SEQUENCE)
    return all(map(_intervals_as_now, tree.values()))


def _without_intervals(tree: Any) -> Any:
    """Win rates without `low`, `high` and what kind of interval these are."""
    if not isinstance(tree, dict):
        return tree
    left_out = ("low", "high", "interval")
    return {name: _without_intervals(value) for name, value in tree.items() if name not in left_out}


def _close(one: Any, other: Any) -> bool:
    """Equal but for what is younger than the manifest, and the last digits of numbers."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(name in other and _close(value, other[name]) for name, value in one.items())
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) < 1e-9
    return bool(one == other)


def _made(copy: Path) -> tuple[Places, np.ndarray, np.ndarray]:
    """The pairs and drops of a round: their ids, and of each its table and its hash; beside them
    a no for each."""
    tables, said = array("b"), array("Q")

    def ids() -> Iterator[str]:
        for number, table in enumerate(TABLES):
            for row in iter_rows(copy, table):
                tables.append(number)
                said.append(_hash(table, row))
                yield row["pair_id"]

    places = Places(ids())
    facts = np.zeros(len(said), [("table", np.int8), ("hash", np.uint64)])
    facts["table"], facts["hash"] = tables, said
    return places, facts, np.zeros(len(said), bool)


def _hash(table: str, row: Mapping[str, Any]) -> int:
    return int(digest([row[name] for name in arrow_schema(table).names]), 16)


def _row(folder: Path, table: Table[Any], pair_id: str) -> Mapping[str, Any]:
    return next(row for row in iter_rows(folder, table) if row["pair_id"] == pair_id)


def _reason(folder: Path, table: Table[Any], pair_id: str) -> str:
    reason = _row(folder, table, pair_id).get("reason")
    return f": {reason}" if reason else ""


def _different(row: Mapping[str, Any], made: Mapping[str, Any]) -> list[str]:
    return [column for column in made if made[column] != row[column]]
