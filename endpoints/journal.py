"""Every paid reply, written down the moment it arrives, so that no answer is paid for twice.

SQLite in WAL mode on a local disk. A write is committed before the answer is used: a killed run
repeats at most the calls that were in flight. The disk is waited for once a second and before a
stage is done: after a loss of power, those of the last second are asked again.

A paid reply that is no answer (refused, truncated, empty) is kept apart, for the accounts: it
answers nothing and is asked again. Calls that failed are not kept; of a request that the endpoint
would not take only that is kept. An answer that is forgotten on purpose becomes such a reply, and
`forgotten` says when and why.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from endpoints.usage import usage_of
from rounds.errors import UserError
from rounds.fence import fence_around
from rounds.files import sync
from rounds.ids import digest

JOURNAL = "journal.sqlite"
"""The file in a run folder."""
SYNC_EVERY = 1.0
"""Seconds of replies that a loss of power may take."""

COLUMNS = """
    endpoint TEXT NOT NULL,
    model TEXT NOT NULL,
    request TEXT NOT NULL,
    answer TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cost REAL NOT NULL,
    at REAL NOT NULL
"""
TABLES = f"""
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, {COLUMNS}) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failed (key TEXT NOT NULL, {COLUMNS});
CREATE INDEX IF NOT EXISTS failed_key ON failed (key);
CREATE TABLE IF NOT EXISTS rejected (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS forgotten (
    key TEXT NOT NULL, why TEXT NOT NULL, cost REAL NOT NULL, at REAL NOT NULL
);
"""


class Entry(NamedTuple):
    """A reply, the chat completion as the endpoint sent it, and what it cost when it was paid."""

    completion: dict[str, Any]
    cost: float


class Forgotten(NamedTuple):
    """How many answers are no more, and what they had cost."""

    calls: int
    cost: float


def request_key(
    endpoint: str, model_id: str, body: dict[str, Any], rubric: str, repeat: int = 0
) -> str:
    """What makes two calls the same call.

    Endpoint name, model (for a served model the hash of its weights), messages, sampling and
    schema (all in `body`), the rubric's text and the repeat index. Never the address or port.
    """
    return digest("request", endpoint, model_id, body, rubric, repeat)


class FencedConnection(sqlite3.Connection):
    """A connection that neither reads nor writes for a process that has lost the run: what another
    has asked since would be missing in it, and be asked again.
    """

    check: Callable[[], None]

    def execute(self, *statement: Any) -> sqlite3.Cursor:
        """As the connection of SQLite. Raises LeaseLost as `rounds.files.atomic`."""
        self.check()
        return super().execute(*statement)


class Journal:
    """The journal of one run. Opened by one process at a time (the run's lock sees to that)."""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        self.folder.mkdir(parents=True, exist_ok=True)
        check = fence_around(path)
        check()
        self._log = path.with_name(f"{path.name}-wal")  # no lock of SQLite's is on this file
        self._synced = time.monotonic()
        self.db = sqlite3.connect(path, isolation_level=None, factory=FencedConnection)
        self.db.check = check
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=NORMAL")
        self.db.executescript(TABLES)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *raised: object) -> None:
        self.sync()
        self.db.close()

    def get(self, key: str) -> Entry | None:
        """The answer to a call."""
        return self._entry("answers", key)

    def failed(self, key: str) -> Entry | None:
        """The last paid reply to a call that was no answer."""
        return self._entry("failed", key)

    def put(
        self,
        key: str,
        endpoint: str,
        model: str,
        body: dict[str, Any],
        answer: dict[str, Any],
        cost: float,
        failed: bool = False,
        tokens: tuple[int, int] | None = None,
    ) -> None:
        """Write one paid reply down; the first answer to a call stays, `failed` ones add up.

        `tokens` of the prompt and the answer, where they are known from its usage.
        """
        table = "INTO failed" if failed else "OR IGNORE INTO answers"
        tokens = tokens or usage_of(answer, body)[:2]
        reply = json.dumps(body), json.dumps(answer), *tokens, cost, time.time()
        self.db.execute(
            f"INSERT {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (key, endpoint, model, *reply)
        )
        if not self.db.in_transaction:
            self.sync_now_and_then()

    def sync_now_and_then(self) -> None:
        """Wait for the disk if that was SYNC_EVERY ago; what is not committed yet is not there."""
        if time.monotonic() - self._synced >= SYNC_EVERY:
            self.sync()

    def sync(self) -> None:
        """Wait until the disk has what was written."""
        sync(self._log)
        self._synced = time.monotonic()

    def reject(self, key: str) -> bool:
        """Note that the endpoint would not take a request; whether that was known before."""
        added = self.db.execute("INSERT OR IGNORE INTO rejected VALUES (?)", (key,)).rowcount
        return added == 0

    def forget(self, keys: Iterable[str], why: str) -> Forgotten:
        """Have calls asked again: their answers are no more than paid replies that are kept.

        Which, `why` and when is written down. Calls without an answer are passed over.
        """
        columns = ", ".join(row[1] for row in self.db.execute("PRAGMA table_info(answers)"))
        move = f"INSERT INTO failed ({columns}) SELECT {columns} FROM answers WHERE key = ?"
        calls, cost = 0, 0.0
        with self.at_once():
            for key in keys:
                if (entry := self.get(key)) is None:
                    continue
                self.db.execute(move, (key,))
                self.db.execute("DELETE FROM answers WHERE key = ?", (key,))
                noted = key, why, entry.cost, time.time()
                self.db.execute("INSERT INTO forgotten VALUES (?, ?, ?, ?)", noted)
                calls, cost = calls + 1, cost + entry.cost
        self.sync()
        return Forgotten(calls, cost)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """All that is written to the journal in the block is committed together, or none of it."""
        self.db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def _entry(self, table: str, key: str) -> Entry | None:
        row = self._last("answer, cost", table, key)
        if row is None:
            return None
        try:
            return Entry(json.loads(row[0]), row[1])
        except ValueError as error:
            raise UserError(
                f"{self.folder / JOURNAL}: the reply kept under {key} is no JSON any more "
                f"({error}); put a copy of the journal back, or delete that row from its table "
                f"{table}, and the call is asked, and paid, again"
            ) from error

    def _last(self, columns: str, table: str, key: str) -> Any:
        return self.db.execute(
            f"SELECT {columns} FROM {table} WHERE key = ? ORDER BY at DESC LIMIT 1", (key,)
        ).fetchone()
