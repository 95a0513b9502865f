"""A parquet table being written: rows as they come, in bounded memory, there only when whole."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rounds.files import atomic
from rounds.schema import arrow_schema

ROWS_AT_ONCE = 4096
"""Rows that reading or writing a table holds in memory, and those of a row group."""


class Written:
    """Where the rows of one table go; they reach the disk ROWS_AT_ONCE at a time."""

    def __init__(self, table: str, writer: pq.ParquetWriter) -> None:
        self._table = table
        self._writer = writer
        self._schema = arrow_schema(table)
        self._names = set(self._schema.names)
        self._held: list[dict[str, Any]] = []

    def put(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add rows. Raises ValueError where one has a wrong or a missing column."""
        for row in rows:
            if row.keys() != self._names:
                wrong = ", ".join(sorted(row.keys() ^ self._names))
                raise ValueError(f"{self._table}: row and schema differ in {wrong}")
            self._held.append(row)
            if len(self._held) == ROWS_AT_ONCE:
                self.flush()

    def copy(self, batch: pa.RecordBatch) -> None:
        """Add rows as another table of the same columns has them."""
        self.flush()
        if batch.num_rows:
            self._writer.write_table(pa.Table.from_batches([batch]).cast(self._schema))

    def flush(self) -> None:
        """Write what is held."""
        if self._held:
            self._writer.write_table(pa.Table.from_pylist(self._held, schema=self._schema))
            self._held = []


@contextmanager
def writing(path: Path, table: str) -> Iterator[Written]:
    """Write a file in a table's schema. Where the block fails, what stood at `path` stays."""
    with (
        atomic(path) as temporary,
        pq.ParquetWriter(temporary, arrow_schema(table), compression="zstd") as writer,
    ):
        written = Written(table, writer)
        yield written
        written.flush()
