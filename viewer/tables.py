"""The tables of a round in DuckDB, read where they lie; a damaged one is a fault and empty."""

import re
import threading
from pathlib import Path
from typing import Any

import duckdb

from rounds.ids import digest
from rounds.schema import OPTIONAL, TABLES, arrow_schema
from rounds.tables import table_path
from viewer.listed import LISTED

MEMORY = "400MB"
"""What DuckDB may hold; what is larger goes through files beside it."""

GLOB = re.compile(r"([*?\[])")
"""What DuckDB takes for a pattern in a file's name; in brackets it is itself."""

TEXTS = (
    "array_to_string([turn.content FOR turn IN prompt], chr(10))",
    "chosen[1].content",
    "rejected[1].content",
)
"""The texts of a pair."""

SEARCHES = 8
"""Texts whose rows are remembered; the one that was looked for first is forgotten first."""

Row = dict[str, Any]


class RoundTables:
    """A view for each table of a round, in its schema: a column that is younger than the file is
    null, and each row has its place in the file, `file_row_number`. Used from several threads.

    `missing` names the tables that are not there (yet), `faults` says of the damaged ones why; both
    kinds have no rows.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._db = duckdb.connect(
            config={"threads": 2, "memory_limit": MEMORY, "temp_directory": str(scratch)}
        )
        self.folder = folder
        self.missing: list[str] = []
        self.faults: dict[str, str] = {}
        self._searching = threading.Lock()
        self._searched: list[str] = []
        for table in (*TABLES, *OPTIONAL):
            self._add(table)

    def _add(self, table: str) -> None:
        empty = arrow_schema(table).empty_table()
        self._db.register("empty_rows", empty)
        self._db.execute(f"CREATE TABLE none_{table} AS SELECT * FROM empty_rows")
        self._db.unregister("empty_rows")
        types = self._db.execute(f"DESCRIBE none_{table}").fetchall()
        path = table_path(self.folder, table)
        try:
            if not path.exists():
                self.missing.append(table)
                raise FileNotFoundError
            plain = GLOB.sub(r"[\1]", str(path.absolute()))
            source = f"read_parquet({quoted(plain)}, file_row_number = true)"
            stored = {row[0] for row in self._db.execute(f"DESCRIBE FROM {source}").fetchall()}
            columns = ", ".join(
                f'"{name}"' if name in stored else f'NULL::{kind} AS "{name}"'
                for name, kind, *_ in types
            )
            self._db.execute(
                f"CREATE VIEW {table} AS SELECT {columns}, file_row_number FROM {source}"
            )
        except (duckdb.Error, FileNotFoundError) as error:
            if path.exists():
                self.faults[table] = f"{path} cannot be read: {first_line(error)}"
            self._add_empty(table)

    def _add_empty(self, table: str) -> None:
        self._db.execute(f"CREATE VIEW {table} AS SELECT *, 0 AS file_row_number FROM none_{table}")

    def without_damaged(self) -> None:
        """Read every table to its end; one that cannot be is a fault and empty from here on."""
        for table in (*TABLES, *OPTIONAL):
            try:
                self.rows(f"SELECT max(hash({table})) FROM {table}")
            except duckdb.Error as error:
                path = table_path(self.folder, table)
                self.faults[table] = f"{path} cannot be read: {first_line(error)}"
                self._db.execute(f"DROP VIEW {table}")
                self._add_empty(table)

    def with_text(self, text: str) -> str:
        """A table of the rows (in_table, file_row_number) that have the text in the prompt or in an
        answer, in any case unless it has a capital: searched once.
        """
        name = f"with_text_{digest(text)}"
        with self._searching:
            if name not in self._searched:
                within = "contains(lower({}), ?)" if text == text.lower() else "contains({}, ?)"
                condition = " OR ".join(within.format(column) for column in TEXTS)
                self.run(
                    f"CREATE TABLE {name} AS SELECT 'pairs' AS in_table, file_row_number FROM "
                    f"pairs WHERE {condition} UNION ALL SELECT 'dropped', file_row_number FROM "
                    f"dropped WHERE {condition}",
                    [text] * 2 * len(TEXTS),
                )
                self._searched.append(name)
                if len(self._searched) > SEARCHES:
                    self.run(f"DROP TABLE {self._searched.pop(0)}")
        return name

    def rows(self, query: str, values: list[Any] | None = None) -> list[Row]:
        """The rows of a query as dicts. Raises duckdb.Error where a file turns out damaged."""
        found = self._db.cursor().execute(query, values or [])
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def run(self, statement: str, values: list[Any] | None = None) -> None:
        """Carry out a statement on DuckDB's own tables."""
        self._db.cursor().execute(statement, values or [])


def open_listed(folder: Path, scratch: Path) -> RoundTables:
    """The tables of a round with the table `listed`: see `viewer.listed`."""
    tables = RoundTables(folder, scratch)
    try:
        tables.run(LISTED)
    except duckdb.Error:
        tables.without_damaged()
        tables.run(LISTED)
    return tables


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def first_line(error: BaseException) -> str:
    """What an error says, without the statement that met it."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
