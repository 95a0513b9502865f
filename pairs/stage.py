"""The pairs stage: verdicts to pairs.parquet and dropped.parquet, every prompt in one of them.

Three passes, each a stream: every comparison is looked at alone and written to work/; what is left
is compared with all pairs before it, in the order of ids; then the two tables are written without
what the length guard takes. In memory: ids and lengths, and the n-grams of this round's pairs.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pairs.config import PairsConfig
from pairs.decide import CANDIDATE, HELD_OUT, TRAIN, VERDICT, decide_prompts
from pairs.index.duplicates import COLUMNS, Duplicates
from pairs.lengths import Lengths, difference, too_much
from pairs.outcomes import candidate_outcomes
from pairs.pair import Why
from rounds.folder import earlier_rounds, manifest
from rounds.grouped import grouped
from rounds.ids import digest, file_hash
from rounds.rows import DROPPED, PAIRS, PROMPTS
from rounds.stages import Progress, run_stage, silent, stage_key, work_dir
from rounds.tables import Row, iter_rows, table_path, write_rows

AT_ONCE = 2000
"""Pairs that are compared with all others at once."""


def build_pairs(folder: Path, config: PairsConfig, progress: Progress = silent) -> dict[str, Any]:
    """Decide every train prompt of the round.

    Returns counts: kept, dropped by reason, what became of every candidate, and the length
    difference before and after the guard.
    """
    key = _key(folder, config)

    def run() -> dict[str, Any]:
        work = work_dir(folder, "pairs", key)
        prompt_ids = [row["prompt_id"] for row in iter_rows(folder, PROMPTS, TRAIN, ["prompt_id"])]
        write_rows(work, DROPPED, decide_prompts(folder, prompt_ids, config, progress))
        duplicates = Duplicates(folder, config)
        found: dict[str, Why] = {}
        lengths: list[Lengths] = []
        for some in _left(work, sorted(prompt_ids)):
            found |= duplicates.find(some)
            lengths += [_lengths(row) for row in some if row["pair_id"] not in found]
        too_long = too_much(lengths, config.length_guard)
        found |= {pair.pair_id: Why("length_guard") for pair in too_long}
        kept = {pair.pair_id: pair for pair in lengths if pair.pair_id not in found}
        write_rows(folder, PAIRS, _pairs(work, found))
        write_rows(folder, DROPPED, _dropped(work, found))
        duplicates.write(kept)
        (work / "dropped.parquet").unlink()
        reasons = Counter(row["reason"] for row in iter_rows(folder, DROPPED, columns=["reason"]))
        return {
            "kept": len(kept),
            "dropped": dict(sorted(reasons.items())),
            "candidates": candidate_outcomes(folder),
            "length_difference": {
                "before": difference(lengths),
                "after": difference(list(kept.values())),
            },
        }

    return run_stage(folder, "pairs", key, run)


def _key(folder: Path, config: PairsConfig) -> str:
    """The key of the stage; texts are known by their ids and hashes, earlier rounds by files."""
    by_id = [name for name in CANDIDATE if name != "text"]
    return stage_key(
        _said(folder, "prompts", TRAIN, ["prompt_id"]),
        _said(folder, "prompts", HELD_OUT, ["prompt_id", "reference"]),
        _said(folder, "candidates", TRAIN, by_id),
        _said(folder, "verdicts", TRAIN, VERDICT),
        config.model_dump(),
        [_pairs_hash(done) for done in earlier_rounds(folder)],
    )


def _said(folder: Path, table: str, splits: Sequence[str], columns: Sequence[str]) -> str:
    total = hashlib.sha256()
    for row in iter_rows(folder, table, splits, columns):
        total.update(digest([row[name] for name in columns]).encode())
    return total.hexdigest()


def _pairs_hash(done: Path) -> str:
    facts = manifest(done) or {}
    return str(facts.get("files", {}).get("pairs.parquet") or file_hash(table_path(done, "pairs")))


def _left(work: Path, prompt_ids: list[str]) -> Iterator[list[Row]]:
    """The rows without a reason yet, some thousand at a time, by prompt whatever their order."""
    some: list[Row] = []
    for rows in grouped(work, DROPPED, prompt_ids, columns=(*COLUMNS, "reason")):
        some += [row for row in rows if row["reason"] is None]
        if len(some) >= AT_ONCE:
            yield some
            some = []
    yield some


def _lengths(row: Row) -> Lengths:
    chosen, rejected = (len(row[side][0]["content"]) for side in ("chosen", "rejected"))
    return Lengths(row["pair_id"], chosen, rejected)


def _pairs(work: Path, found: dict[str, Why]) -> Iterator[Row]:
    for row in iter_rows(work, DROPPED):
        if row.pop("reason") is None and row["pair_id"] not in found:
            del row["detail"]
            yield row


def _dropped(work: Path, found: dict[str, Why]) -> Iterator[Row]:
    for row in iter_rows(work, DROPPED):
        if row["reason"] is not None:
            yield row
        elif why := found.get(row["pair_id"]):
            yield {**row, "reason": why.reason, "detail": why.detail}
