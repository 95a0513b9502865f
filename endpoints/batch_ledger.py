"""Which batches were submitted, in the journal beside the answers that they bring."""

import json
from typing import NamedTuple

from endpoints.journal import Journal

TABLE = """
CREATE TABLE IF NOT EXISTS batches (
    digest TEXT PRIMARY KEY,
    endpoint TEXT NOT NULL,
    state TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    keys TEXT NOT NULL
) WITHOUT ROWID
"""


ADDED = "ALTER TABLE batches ADD COLUMN why TEXT NOT NULL DEFAULT ''"
COLUMNS = "digest, state, batch_id, keys, why"


class Batch(NamedTuple):
    """Its file's hash, `state` planned, submitted, done or failed, its id ("" if planned), its
    keys, and why it failed."""

    digest: str
    state: str
    batch_id: str
    keys: frozenset[str]
    why: str = ""


class BatchLedger:
    """The batches of one endpoint."""

    def __init__(self, journal: Journal, endpoint: str) -> None:
        self._db, self._endpoint = journal.db, endpoint
        self.at_once = journal.at_once
        self._db.execute(TABLE)
        if "why" not in [row[1] for row in self._db.execute("PRAGMA table_info(batches)")]:
            self._db.execute(ADDED)  # of a journal that an earlier version began

    def batches(self) -> list[Batch]:
        """All of them."""
        rows = self._db.execute(
            f"SELECT {COLUMNS} FROM batches WHERE endpoint = ?", (self._endpoint,)
        )
        return [
            Batch(digest, state, batch_id, frozenset(json.loads(keys)), why)
            for digest, state, batch_id, keys, why in rows
        ]

    def put(self, batch: Batch) -> None:
        """Write one down as it now is."""
        self._db.execute(
            f"INSERT OR REPLACE INTO batches (endpoint, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
            (self._endpoint, *batch[:3], json.dumps([*batch.keys]), batch.why),
        )

    def drop(self, batch: Batch) -> None:
        """Forget one that was never submitted."""
        self._db.execute("DELETE FROM batches WHERE digest = ?", (batch.digest,))
