"""The pairs stage: verdicts to pairs.parquet and dropped.parquet, every prompt in one of them.

Three passes, each a stream: every comparison is looked at alone and written to work/; what is left
is compared with all pairs before it, in the order of ids; then the two tables are written without
what the length guard and the cap take. In memory: ids and lengths. The n-grams of this round's
pairs are, where they are many, in mapped files.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from pairs.cap import beyond_cap
from pairs.config import YOUNG, PairsConfig
from pairs.decide import (
    TRAIN,
    VERDICT_COLUMNS,
    candidate_columns,
    decide_prompts,
    leak_limits,
)
from pairs.index.duplicates import COLUMNS, Duplicates
from pairs.index.embedding import load_embedding
from pairs.lengths import Lengths, dropped_by_guard, length_difference
from pairs.outcomes import candidate_outcomes
from pairs.pair import DropReason, answer_texts
from rounds.folder import earlier_rounds, read_manifest, read_round_start
from rounds.grouped import grouped
from rounds.ids import digest, file_hash
from rounds.rows import (
    CANDIDATES,
    DROPPED,
    HELD_OUT,
    PAIRS,
    PROMPTS,
    VERDICTS,
    AnyRow,
    DroppedPair,
    Pair,
    Table,
)
from rounds.settings import as_begun
from rounds.stages import Progress, run_stage, silent, stage_key, work_dir
from rounds.tables import iter_rows, table_path, write_rows

PAIRS_AT_ONCE = 2000
"""Pairs that are compared with all others at once."""


def build_pairs(folder: Path, config: PairsConfig, progress: Progress = silent) -> dict[str, Any]:
    """Decide every train prompt of the round.

    Returns counts: kept, dropped by reason, what became of every candidate, and the length
    difference before and after the guard, with what the guard took and its limits.
    """
    key = _key(folder, config)

    def run() -> dict[str, Any]:
        work = work_dir(folder, "pairs", key)
        prompt_ids = [row["prompt_id"] for row in iter_rows(folder, PROMPTS, TRAIN, ["prompt_id"])]
        write_rows(work, DROPPED, decide_prompts(folder, prompt_ids, config, progress))
        duplicates = Duplicates(folder, config)
        drops: dict[str, DropReason] = {}
        lengths: list[Lengths] = []
        for pairs in _pairs_so_far(work, sorted(prompt_ids)):
            drops |= duplicates.find(pairs)
            lengths += [_lengths(pair) for pair in pairs if pair["pair_id"] not in drops]
        beyond_bound = dropped_by_guard(lengths, config.length_guard, config.length_guard_share)
        drops |= {pair.pair_id: DropReason("length_guard") for pair in beyond_bound}
        guarded = {pair.pair_id: pair for pair in lengths if pair.pair_id not in drops}
        beyond = beyond_cap(guarded, config.max_pairs)
        drops |= dict.fromkeys(beyond, DropReason("max_pairs"))
        kept = guarded.keys() - beyond
        write_rows(folder, PAIRS, _kept(work, drops))
        write_rows(folder, DROPPED, _dropped(work, drops))
        duplicates.write(kept)
        (work / "dropped.parquet").unlink()
        reasons = Counter(row["reason"] for row in iter_rows(folder, DROPPED, columns=["reason"]))
        return {
            "kept": len(kept),
            "dropped": dict(sorted(reasons.items())),
            "candidates": candidate_outcomes(folder),
            "length_difference": {
                "before": length_difference(lengths),
                "after": length_difference(list(guarded.values())),
                "taken": len(beyond_bound),
                "of": len(lengths),
                "bound": config.length_guard,
                "share": config.length_guard_share,
            },
        }

    return run_stage(folder, "pairs", key, run)


def _key(folder: Path, config: PairsConfig) -> str:
    """The key of the stage; texts are known by their ids and hashes, earlier rounds by files, a
    function of the user's by its source."""
    without_texts = [name for name in candidate_columns(config) if name != "text"]
    parts: list[object] = [
        _columns_hash(folder, PROMPTS, TRAIN, ["prompt_id"]),
        _columns_hash(folder, PROMPTS, HELD_OUT, ["prompt_id", "reference"]),
        _columns_hash(folder, CANDIDATES, TRAIN, without_texts),
        _columns_hash(folder, VERDICTS, TRAIN, VERDICT_COLUMNS),
        as_begun(config.model_dump(), YOUNG),
        [_pairs_hash(earlier) for earlier in earlier_rounds(folder)],
    ]
    if own := read_round_start(folder).get("control_tokens"):
        parts.append(own)
    if (limits := leak_limits(folder, config)) != config.leak_limits:
        parts.append(list(limits))
    if config.semantic is not None:
        parts.append(load_embedding(config.semantic.embed).source)
    return stage_key(*parts)


def _columns_hash(
    folder: Path, table: Table[AnyRow], splits: Sequence[str], columns: Sequence[str]
) -> str:
    total = hashlib.sha256()
    for row in iter_rows(folder, table, splits, columns):
        total.update(digest([row[name] for name in columns]).encode())
    return total.hexdigest()


def _pairs_hash(earlier: Path) -> str:
    files = (read_manifest(earlier) or {}).get("files", {})
    return str(files.get("pairs.parquet") or file_hash(table_path(earlier, PAIRS)))


def _pairs_so_far(work: Path, prompt_ids: list[str]) -> Iterator[list[Pair]]:
    """What was found no reason to drop yet, some thousand at a time, by prompt whatever its order.

    Of their columns those that are compared.
    """
    batch: list[Pair] = []
    for rows in grouped(work, DROPPED, prompt_ids, columns=(*COLUMNS, "reason")):
        batch += [_as_pair(row) for row in rows if row["reason"] is None]
        if len(batch) >= PAIRS_AT_ONCE:
            yield batch
            batch = []
    yield batch


def _lengths(pair: Pair) -> Lengths:
    chosen, rejected = answer_texts(pair)
    return Lengths(pair["pair_id"], len(chosen), len(rejected))


def _kept(work: Path, drops: dict[str, DropReason]) -> Iterator[Pair]:
    for row in iter_rows(work, DROPPED):
        if row["reason"] is None and row["pair_id"] not in drops:
            yield _as_pair(row)


def _dropped(work: Path, drops: dict[str, DropReason]) -> Iterator[DroppedPair]:
    for row in iter_rows(work, DROPPED):
        if row["reason"] is not None:
            yield row
        elif drop := drops.get(row["pair_id"]):
            yield {**row, "reason": drop.reason, "detail": drop.detail}


def _as_pair(row: DroppedPair) -> Pair:
    """A row without a reason: the judge decided it, so that its label is there."""
    columns = {name: value for name, value in row.items() if name not in ("reason", "detail")}
    return cast(Pair, columns)  # no type says that a null reason makes the other columns non-null
