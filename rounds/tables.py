"""The parquet tables of a round, read and written in bounded memory.

A row that does not fit its table's schema is refused, and a table is whole or not there: it is
written under a temporary name and renamed.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rounds.files import atomic, remove
from rounds.ids import digest
from rounds.rows import AnyRow, Table
from rounds.schema import arrow_schema, deterministic
from rounds.written import forget_written, note_written, settle_written

ROWS_AT_ONCE = 4096
"""Rows that reading or writing a table holds in memory, and those of a row group."""


def table_path(round_dir: Path, table: str) -> Path:
    """Where a table of a round lies."""
    return round_dir / f"{table}.parquet"


def iter_rows(
    round_dir: Path,
    table: Table[AnyRow],
    splits: Collection[str] | None = None,
    columns: Collection[str] | None = None,
) -> Iterator[AnyRow]:
    """The rows of a table as it is read, those of `splits` and with `columns` only if given.

    None where the table is not there. Holds some thousand rows in memory, whatever the size.
    """
    for batch in iter_batches(table_path(round_dir, table), table, splits, columns):
        yield from batch.to_pylist()


def read_rows(
    round_dir: Path, table: Table[AnyRow], splits: Collection[str] | None = None
) -> list[AnyRow]:
    """The rows of a table, those of `splits` only if given; none where the table is not there."""
    return list(iter_rows(round_dir, table, splits))


def iter_batches(
    path: Path,
    table: str,
    splits: Collection[str] | None = None,
    columns: Collection[str] | None = None,
    row_groups: Sequence[int] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Rows as Arrow batches, from any file in a table's schema; of some row groups if given.

    Columns that are younger than the file are null.
    """
    return chain.from_iterable(iter_row_groups(path, table, splits, columns, row_groups))


def iter_row_groups(
    path: Path,
    table: str,
    splits: Collection[str] | None = None,
    columns: Collection[str] | None = None,
    row_groups: Sequence[int] | None = None,
) -> Iterator[Iterator[pa.RecordBatch]]:
    """The batches of each row group, to be taken before those of the next; none of a row group
    that has no row of the splits.
    """
    if not path.exists():
        return
    schema = arrow_schema(table)
    wanted = [name for name in schema.names if columns is None or name in columns]
    with pq.ParquetFile(path, pre_buffer=False) as file:
        stored = [name for name in file.schema_arrow.names if name in wanted or name == "split"]

        def batches(group: int) -> Iterator[pa.RecordBatch]:
            if splits is not None and not _may_hold(file.metadata, group, splits):
                return
            for batch in file.iter_batches(ROWS_AT_ONCE, [group], columns=stored):
                if splits is not None:
                    batch = batch.filter(pc.is_in(batch["split"], pa.array(splits, pa.string())))
                yield pa.RecordBatch.from_pydict(
                    {
                        name: batch[name]
                        if name in stored
                        else pa.nulls(batch.num_rows, schema.field(name).type)
                        for name in wanted
                    }
                )

        # one by one and not buffered: a reader keeps what it has read of all until its end
        yield from map(batches, range(file.num_row_groups) if row_groups is None else row_groups)


def _may_hold(facts: pq.FileMetaData, group: int, splits: Collection[str]) -> bool:
    """Whether a row group may have rows of the splits, by the least and greatest that it notes."""
    of_group = facts.row_group(group)
    columns = map(of_group.column, range(of_group.num_columns))
    # not by `facts.schema`: the two would hold each other, and megabytes each time a file is read
    noted = next(column.statistics for column in columns if column.path_in_schema == "split")
    if noted is None or not noted.has_min_max:
        return True
    return any(noted.min <= split <= noted.max for split in splits)


def write_rows(round_dir: Path, table: Table[AnyRow], rows: Iterable[AnyRow]) -> None:
    """Write a whole table, in its schema, atomically. A wrong or missing column raises."""
    write_parquet(table_path(round_dir, table), table, rows)


def write_parquet(path: Path, table: Table[AnyRow], rows: Iterable[AnyRow]) -> None:
    """Write rows of a table's schema to any parquet file, atomically and as they come."""
    with table_writer(path, table) as writer:
        writer.write_rows(rows)


def replace_splits(
    round_dir: Path, table: Table[AnyRow], splits: Collection[str], rows: Iterable[AnyRow]
) -> None:
    """Put `rows` in the place of all rows of the given splits; the others stay."""
    path, replaced = table_path(round_dir, table), pa.array(splits, pa.string())
    with table_writer(path, table) as writer:
        for batch in iter_batches(path, table):
            writer.write_batch(batch.filter(pc.invert(pc.is_in(batch["split"], replaced))))
        writer.write_rows(rows)


class TableWriter:
    """Where the rows of one table go; they reach the disk ROWS_AT_ONCE at a time."""

    def __init__(self, table: str, file: pq.ParquetWriter) -> None:
        self._table = table
        self._file = file
        self._schema = arrow_schema(table)
        self._names = set(self._schema.names)
        self._pending: list[Mapping[str, Any]] = []

    def write_rows(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows. Raises ValueError where one has a wrong or a missing column."""
        for row in rows:
            if row.keys() != self._names:
                wrong = ", ".join(sorted(row.keys() ^ self._names))
                raise ValueError(f"{self._table}: row and schema differ in {wrong}")
            self._pending.append(row)
            if len(self._pending) == ROWS_AT_ONCE:
                self.flush()

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Add rows as another table of the same columns has them."""
        self.flush()
        if batch.num_rows:
            self._file.write_table(pa.Table.from_batches([batch]).cast(self._schema))

    def flush(self) -> None:
        """Write the rows that are held."""
        if self._pending:
            self._file.write_table(pa.Table.from_pylist(self._pending, schema=self._schema))
            self._pending = []


@contextmanager
def table_writer(path: Path, table: str) -> Iterator[TableWriter]:
    """Write a file in a table's schema. Where the block fails, what stood at `path` stays.

    A table of a round under way is noted as written (`rounds.written`).
    """
    with atomic(path) as temporary:
        with pq.ParquetWriter(temporary, arrow_schema(table), compression="zstd") as file:
            writer = TableWriter(table, file)
            yield writer
            writer.flush()
        note_written(path.parent, {path.name: temporary})
    settle_written(path.parent, path.name)


def remove_table(round_dir: Path, table: str) -> None:
    """Take a table away, if it is there."""
    path = table_path(round_dir, table)
    forget_written(round_dir, path.name)
    remove(path)


def by_prompt(rows: Iterable[AnyRow]) -> dict[str, list[AnyRow]]:
    """Rows grouped by their prompt_id, both in order of appearance."""
    rows_of: dict[str, list[AnyRow]] = {}
    for row in rows:
        rows_of.setdefault(row["prompt_id"], []).append(row)
    return rows_of


def rows_hash(
    table: str, rows: Iterable[Mapping[str, Any]], columns: Collection[str] | None = None
) -> str:
    """A hash of what the rows say, over deterministic columns only; of `columns` if given."""
    names = [name for name in deterministic(table) if columns is None or name in columns]
    total = hashlib.sha256(table.encode())
    for row in rows:
        total.update(digest([row[name] for name in names]).encode())
    return total.hexdigest()[:16]
