"""The rows of a table prompt by prompt, in bounded memory and whatever their order on disk."""

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from rounds.tables import Row, iter_rows

ROWS_AT_ONCE = 50_000
"""Rows held in memory when a table is not in the order of its prompts."""


def grouped(
    round_dir: Path,
    table: str,
    prompt_ids: Sequence[str],
    splits: Collection[str] | None = None,
    columns: Collection[str] | None = None,
) -> Iterator[list[Row]]:
    """For each of the prompts, in their order, its rows in the order of the table.

    prompt_id must be among `columns`. A table that is in the order of the prompts is read once as
    a stream. Any other is read once for each ROWS_AT_ONCE rows of it.
    """
    rank = {name: place for place, name in enumerate(prompt_ids)}
    found = iter_rows(round_dir, table, splits, ["prompt_id"])
    ranks = np.array([rank.get(row["prompt_id"], -1) for row in found], dtype=np.int64)
    ranks = ranks[ranks >= 0]
    in_order = bool(np.all(np.diff(ranks) >= 0))
    counts = np.bincount(ranks, minlength=len(prompt_ids))
    for first, end in [(0, len(prompt_ids))] if in_order else _spans(counts):
        rows = (
            row
            for row in iter_rows(round_dir, table, splits, columns)
            if first <= rank.get(row["prompt_id"], -1) < end
        )
        ordered = rows if in_order else iter(sorted(rows, key=lambda row: rank[row["prompt_id"]]))
        yield from _filled(ordered, rank, first, end)


def _spans(counts: np.ndarray) -> Iterator[tuple[int, int]]:
    """Ranges of prompts with ROWS_AT_ONCE rows or fewer; more where one prompt has more."""
    first, held = 0, 0
    for place, count in enumerate(counts.tolist()):
        if held and held + count > ROWS_AT_ONCE:
            yield first, place
            first, held = place, 0
        held += count
    yield first, len(counts)


def _filled(rows: Iterator[Row], rank: dict[str, int], first: int, end: int) -> Iterator[list[Row]]:
    """The rows of the prompts from `first` to `end`, an empty list for a prompt without rows."""
    expected = first
    for name, group in groupby(rows, key=lambda row: str(row["prompt_id"])):
        yield from ([] for _ in range(rank[name] - expected))
        yield list(group)
        expected = rank[name] + 1
    yield from ([] for _ in range(end - expected))
