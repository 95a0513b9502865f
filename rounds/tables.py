"""Reading and writing the parquet tables of a round."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rounds.files import write_atomically
from rounds.ids import digest
from rounds.schema import arrow_schema, deterministic

Row = dict[str, Any]


def table_path(round_dir: Path, table: str) -> Path:
    """Where a table of a round lies."""
    return round_dir / f"{table}.parquet"


def read_rows(round_dir: Path, table: str, splits: Collection[str] | None = None) -> list[Row]:
    """The rows of a table, those of `splits` only if given; none where the table is not there."""
    path = table_path(round_dir, table)
    if not path.exists():
        return []
    filters = None if splits is None else [("split", "in", list(splits))]
    rows: list[Row] = pq.read_table(path, filters=filters).to_pylist()
    empty = dict.fromkeys(arrow_schema(table).names)  # columns that are younger than the round
    return [empty | row for row in rows]


def write_rows(round_dir: Path, table: str, rows: Iterable[Row]) -> None:
    """Write a whole table, in its schema, atomically. A wrong or missing column raises."""
    write_parquet(table_path(round_dir, table), table, rows)


def write_parquet(path: Path, table: str, rows: Iterable[Row]) -> None:
    """Write rows of a table's schema to any parquet file, atomically."""
    schema = arrow_schema(table)
    rows = list(rows)
    for row in rows:
        if row.keys() != set(schema.names):
            wrong = sorted(row.keys() ^ set(schema.names))
            raise ValueError(f"{table}: row and schema differ in {', '.join(wrong)}")
    arrow = pa.Table.from_pylist(rows, schema=schema)
    write_atomically(path, lambda temporary: pq.write_table(arrow, temporary, compression="zstd"))


def replace_splits(
    round_dir: Path, table: str, splits: Collection[str], rows: Iterable[Row]
) -> None:
    """Put `rows` in the place of all rows of the given splits; the others stay."""
    kept = [row for row in read_rows(round_dir, table) if row["split"] not in splits]
    write_rows(round_dir, table, [*kept, *rows])


def by_prompt(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows grouped by their prompt_id, both in order of appearance."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["prompt_id"], []).append(row)
    return grouped


def rows_hash(table: str, rows: Iterable[Row]) -> str:
    """A hash of what the rows say, over deterministic columns only."""
    names = deterministic(table)
    return digest(table, [[row[name] for name in names] for row in rows])
