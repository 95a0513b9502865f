"""Reading and writing the parquet tables of a round."""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rounds.files import write_atomically
from rounds.ids import digest
from rounds.schema import arrow_schema, deterministic

Row = dict[str, Any]

ROWS_AT_ONCE = 4096
"""Rows that reading or writing a table holds in memory."""


def table_path(round_dir: Path, table: str) -> Path:
    """Where a table of a round lies."""
    return round_dir / f"{table}.parquet"


def iter_rows(
    round_dir: Path,
    table: str,
    splits: Collection[str] | None = None,
    columns: Collection[str] | None = None,
) -> Iterator[Row]:
    """The rows of a table as it is read, those of `splits` and with `columns` only if given.

    None where the table is not there. Holds some thousand rows in memory, whatever the size.
    """
    path = table_path(round_dir, table)
    if not path.exists():
        return
    wanted = [name for name in arrow_schema(table).names if columns is None or name in columns]
    empty = dict.fromkeys(wanted)  # columns that are younger than the round
    with pq.ParquetFile(path) as file:
        there = [name for name in file.schema_arrow.names if name in wanted or name == "split"]
        for batch in file.iter_batches(ROWS_AT_ONCE, columns=there):
            if splits is not None:
                batch = batch.filter(pc.is_in(batch["split"], pa.array(splits, pa.string())))
            if "split" not in wanted and "split" in there:
                batch = batch.drop_columns("split")
            for row in batch.to_pylist():
                yield empty | row


def read_rows(round_dir: Path, table: str, splits: Collection[str] | None = None) -> list[Row]:
    """The rows of a table, those of `splits` only if given; none where the table is not there."""
    return list(iter_rows(round_dir, table, splits))


def write_rows(round_dir: Path, table: str, rows: Iterable[Row]) -> None:
    """Write a whole table, in its schema, atomically. A wrong or missing column raises."""
    write_parquet(table_path(round_dir, table), table, rows)


def write_parquet(path: Path, table: str, rows: Iterable[Row]) -> None:
    """Write rows of a table's schema to any parquet file, atomically and as they come."""
    schema = arrow_schema(table)
    names = set(schema.names)

    def write(temporary: Path) -> None:
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            source = iter(rows)
            while some := list(islice(source, ROWS_AT_ONCE)):
                for row in some:
                    if row.keys() != names:
                        wrong = ", ".join(sorted(row.keys() ^ names))
                        raise ValueError(f"{table}: row and schema differ in {wrong}")
                writer.write_table(pa.Table.from_pylist(some, schema=schema))

    write_atomically(path, write)


def replace_splits(
    round_dir: Path, table: str, splits: Collection[str], rows: Iterable[Row]
) -> None:
    """Put `rows` in the place of all rows of the given splits; the others stay."""
    kept = (row for row in iter_rows(round_dir, table) if row["split"] not in splits)
    write_rows(round_dir, table, chain(kept, rows))


def by_prompt(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows grouped by their prompt_id, both in order of appearance."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["prompt_id"], []).append(row)
    return grouped


def rows_hash(table: str, rows: Iterable[Row]) -> str:
    """A hash of what the rows say, over deterministic columns only."""
    names = deterministic(table)
    total = hashlib.sha256(table.encode())
    for row in rows:
        total.update(digest([row[name] for name in names]).encode())
    return total.hexdigest()[:16]
