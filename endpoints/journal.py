"""Every paid answer, written down the moment it arrives, so that none is paid for twice.

SQLite in WAL mode on a local disk. A write is committed before the answer is used: a killed run
repeats at most the calls that were in flight. Failed calls are not answers and are not kept; of
a request that the endpoint would not take only that is kept, and it is asked again.
"""

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

from rounds.ids import digest

SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,
    endpoint TEXT NOT NULL,
    model TEXT NOT NULL,
    request TEXT NOT NULL,
    answer TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cost REAL NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID
"""
REJECTED = "CREATE TABLE IF NOT EXISTS rejected (key TEXT PRIMARY KEY) WITHOUT ROWID"


def request_key(
    endpoint: str, model_id: str, body: dict[str, Any], rubric: str, repeat: int = 0
) -> str:
    """What makes two calls the same call.

    Endpoint name, model (for a served model the hash of its weights), messages, sampling and
    schema (all in `body`), the rubric's text and the repeat index. Never the address or port.
    """
    return digest("request", endpoint, model_id, body, rubric, repeat)


class Journal:
    """The journal of one run. Opened by one process at a time (the run's lock sees to that)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(SCHEMA)
        self._db.execute(REJECTED)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *raised: object) -> None:
        self._db.close()

    def get(self, key: str) -> dict[str, Any] | None:
        """The raw answer of a call (a chat completion as the endpoint sent it), or None."""
        row = self._db.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def put(
        self,
        key: str,
        endpoint: str,
        model: str,
        body: dict[str, Any],
        answer: dict[str, Any],
        cost: float,
    ) -> None:
        """Write one paid answer down."""
        usage = answer.get("usage") or {}
        self._db.execute(
            "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key,
                endpoint,
                model,
                json.dumps(body),
                json.dumps(answer),
                usage.get("prompt_tokens") or 0,
                usage.get("completion_tokens") or 0,
                cost,
                time.time(),
            ),
        )

    def reject(self, key: str) -> bool:
        """Note that the endpoint would not take a request; whether that was known before."""
        added = self._db.execute("INSERT OR IGNORE INTO rejected VALUES (?)", (key,)).rowcount
        return added == 0

    def call(self, key: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Request and answer of one call, word for word, for inspection."""
        row = self._db.execute(
            "SELECT request, answer FROM answers WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else (json.loads(row[0]), json.loads(row[1]))
