"""The rows of a table prompt by prompt, in bounded memory and whatever their order on disk."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa

from rounds.places import Numbers, Places
from rounds.rows import AnyRow, Table
from rounds.scratch import scratch
from rounds.tables import iter_batches, iter_row_groups, table_path

ROWS_AT_ONCE = 16_384
"""Rows held in memory where a table is not in the order of its prompts."""
READINGS = 2
"""How often a table is read at most before it is rather dealt out into files first."""
MOST_FILES = 128
"""Files that it is dealt out into: a process may hold some hundred open."""


def grouped(
    round_dir: Path,
    table: Table[AnyRow],
    prompt_ids: Sequence[str],
    splits: Collection[str] | None = None,
    columns: Collection[str] | None = None,
) -> Iterator[list[AnyRow]]:
    """For each of the prompts, in their order, its rows in the order of the table.

    prompt_id must be among `columns`. Rows of other prompts are left out. A table in the order of
    the prompts, or in several stretches that are, is read about once; of one in no order the rows
    go through a temporary folder. Raises ValueError where a prompt is named twice.
    """
    if not (places := Places(prompt_ids)).distinct:
        raise ValueError(f"{table}: rows are grouped by prompts that are named once each")
    path = table_path(round_dir, table)
    ranks = list(_ranks(path, table, places, splits))
    groups = [number for number, of_group in enumerate(ranks) if len(of_group)]
    if _in_order(ranks):
        batches = _of_prompts(path, table, places, splits, columns, groups)
        in_order = (row for batch, _ in batches for row in batch.to_pylist())
        yield from _filled(in_order, prompt_ids, 0, len(prompt_ids))
        return
    ends = _ends(ranks, len(prompt_ids), ROWS_AT_ONCE)
    touched = [np.unique(np.searchsorted(ends, of_group, "right")) for of_group in ranks]
    if sum(map(len, touched)) > READINGS * len(groups):
        most = max(ROWS_AT_ONCE, sum(map(len, ranks)) // MOST_FILES)
        ends = _ends(ranks, len(prompt_ids), most)
        batches = _of_prompts(path, table, places, splits, columns, groups)
        yield from _dealt_out(batches, prompt_ids, ends)
        return
    for span, (first, end) in enumerate(zip([0, *ends], ends, strict=False)):
        groups = [number for number, spans in enumerate(touched) if span in spans]
        rows = [
            row
            for batch, at in _of_prompts(path, table, places, splits, columns, groups)
            for row in batch.filter(pa.array((first <= at) & (at < end))).to_pylist()
        ]
        yield from _sorted(rows, prompt_ids, first, int(end))


def _ranks(
    path: Path, table: str, places: Places, splits: Collection[str] | None
) -> Iterator[np.ndarray]:
    """For each row group the places of its rows' prompts, other prompts left out."""
    for batches in iter_row_groups(path, table, splits, ["prompt_id"]):
        of_group = [places.of(batch["prompt_id"].to_pylist()) for batch in batches]
        found = np.concatenate([np.empty(0, np.int64), *of_group])
        yield found[found >= 0].astype(np.int32)


def _in_order(ranks: list[np.ndarray]) -> bool:
    last = 0
    for of_group in ranks:
        if len(of_group):
            if of_group[0] < last or np.any(np.diff(of_group) < 0):
                return False
            last = of_group[-1]
    return True


def _ends(ranks: list[np.ndarray], prompts: int, most: int) -> Numbers:
    """The ends of ranges of prompts with `most` rows or fewer; more where one prompt has more."""
    counts = np.zeros(prompts, np.int64)
    for of_group in ranks:
        np.add.at(counts, of_group, 1)
    ends, held = [], 0
    for place, count in enumerate(counts.tolist()):
        if held and held + count > most:
            ends.append(place)
            held = 0
        held += count
    return np.array([*ends, prompts])


def _of_prompts(
    path: Path,
    table: str,
    places: Places,
    splits: Collection[str] | None,
    columns: Collection[str] | None,
    groups: Sequence[int],
) -> Iterator[tuple[pa.RecordBatch, Numbers]]:
    """The rows of these prompts alone, and the place of each row's prompt."""
    for batch in iter_batches(path, table, splits, columns, groups):
        at = places.of(batch["prompt_id"].to_pylist())
        yield (batch, at) if np.all(at >= 0) else (batch.filter(pa.array(at >= 0)), at[at >= 0])


def _dealt_out(
    batches: Iterable[tuple[pa.RecordBatch, Numbers]], prompt_ids: Sequence[str], ends: Numbers
) -> Iterator[list[AnyRow]]:
    """The rows of each prompt, through a file for each range of prompts."""
    packed = pa.ipc.IpcWriteOptions(compression="lz4")
    with scratch("grouped") as work:
        with ExitStack() as stack:
            files: dict[int, pa.RecordBatchFileWriter] = {}
            for batch, at in batches:
                spans = np.searchsorted(ends, at, "right")
                order = np.argsort(spans, kind="stable")
                batch, spans = batch.take(pa.array(order)), spans[order]
                begins = np.flatnonzero(np.diff(spans, prepend=-1))
                for begin, end in zip(begins, [*begins[1:], len(spans)], strict=True):
                    span = int(spans[begin])
                    if span not in files:
                        file = pa.ipc.new_file(str(work / str(span)), batch.schema, options=packed)
                        files[span] = stack.enter_context(file)
                    files[span].write_batch(batch.slice(begin, end - begin))
        for span, (first, end) in enumerate(zip([0, *ends], ends, strict=False)):
            rows: list[AnyRow] = []
            if (dealt := work / str(span)).exists():
                with pa.ipc.open_file(str(dealt)) as file:
                    rows = file.read_all().to_pylist()
                dealt.unlink()
            yield from _sorted(rows, prompt_ids, int(first), int(end))


def _sorted(
    rows: list[AnyRow], prompt_ids: Sequence[str], first: int, end: int
) -> Iterator[list[AnyRow]]:
    rank = {name: place for place, name in enumerate(prompt_ids[first:end])}
    rows.sort(key=lambda row: rank[row["prompt_id"]])
    return _filled(rows, prompt_ids, first, end)


def _filled(
    rows: Iterable[AnyRow], prompt_ids: Sequence[str], first: int, end: int
) -> Iterator[list[AnyRow]]:
    """The rows of the prompts from `first` to `end`, an empty list for a prompt without rows."""
    for name, group in groupby(rows, key=lambda row: str(row["prompt_id"])):
        while prompt_ids[first] != name:
            yield []
            first += 1
        yield list(group)
        first += 1
    yield from ([] for _ in range(end - first))
