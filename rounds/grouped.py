"""The rows of a table prompt by prompt, in bounded memory and whatever their order on disk."""

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rounds.rows import AnyRow, Table
from rounds.tables import iter_batches, table_path

ROWS_AT_ONCE = 16_384
"""Rows held in memory where a table is not in the order of its prompts."""


def grouped(
    round_dir: Path,
    table: Table[AnyRow],
    prompt_ids: Sequence[str],
    splits: Collection[str] | None = None,
    columns: Collection[str] | None = None,
) -> Iterator[list[AnyRow]]:
    """For each of the prompts, in their order, its rows in the order of the table.

    prompt_id must be among `columns`. Rows of other prompts are left out. A table in the order of
    the prompts, or in several stretches that are, is read about once; of one in no order each row
    group is read for every ROWS_AT_ONCE rows. Raises ValueError where a prompt is named twice.
    """
    rank = {name: place for place, name in enumerate(prompt_ids)}
    if len(rank) < len(prompt_ids):
        raise ValueError(f"{table}: rows are grouped by prompts that are named once each")
    path = table_path(round_dir, table)
    ids = pa.array(prompt_ids, pa.string())
    ranks = _ranks(path, table, ids, splits)
    of_rows = np.concatenate([np.empty(0, np.int64), *ranks])
    in_order = bool(np.all(np.diff(of_rows) >= 0))
    counts = np.bincount(of_rows, minlength=len(prompt_ids))
    for first, end in [(0, len(prompt_ids))] if in_order else _spans(counts):
        groups = [
            group for group, held in enumerate(ranks) if ((first <= held) & (held < end)).any()
        ]
        wanted = ids[first:end]
        rows = (
            row
            for batch in iter_batches(path, table, splits, columns, groups)
            for row in batch.filter(pc.is_in(batch["prompt_id"], wanted)).to_pylist()
        )
        ordered = rows if in_order else iter(sorted(rows, key=lambda row: rank[row["prompt_id"]]))
        yield from _filled(ordered, rank, first, end)


def _ranks(
    path: Path, table: str, ids: pa.Array, splits: Collection[str] | None
) -> list[np.ndarray]:
    """For each row group the places of its rows' prompts among `ids`, other prompts left out."""
    if not path.exists():
        return []
    of_groups = []
    for group in range(pq.read_metadata(path).num_row_groups):
        places = [
            pc.index_in(batch["prompt_id"], ids).drop_null().to_numpy()
            for batch in iter_batches(path, table, splits, ["prompt_id"], [group])
        ]
        of_groups.append(np.concatenate([np.empty(0, np.int64), *places]))
    return of_groups


def _spans(counts: np.ndarray) -> Iterator[tuple[int, int]]:
    """Ranges of prompts with ROWS_AT_ONCE rows or fewer; more where one prompt has more."""
    first, held = 0, 0
    for place, count in enumerate(counts.tolist()):
        if held and held + count > ROWS_AT_ONCE:
            yield first, place
            first, held = place, 0
        held += count
    yield first, len(counts)


def _filled(
    rows: Iterator[AnyRow], rank: dict[str, int], first: int, end: int
) -> Iterator[list[AnyRow]]:
    """The rows of the prompts from `first` to `end`, an empty list for a prompt without rows."""
    expected = first
    for name, group in groupby(rows, key=lambda row: str(row["prompt_id"])):
        yield from ([] for _ in range(rank[name] - expected))
        yield list(group)
        expected = rank[name] + 1
    yield from ([] for _ in range(end - expected))
