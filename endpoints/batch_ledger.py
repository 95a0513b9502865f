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


class Batch(NamedTuple):
    """Its file's hash, `state` planned, submitted or done, its id ("" if planned), its keys."""

    digest: str
    state: str
    batch_id: str
    keys: frozenset[str]


class BatchLedger:
    """The batches of one endpoint."""

    def __init__(self, journal: Journal, endpoint: str) -> None:
        self._db, self._endpoint = journal.db, endpoint
        self.at_once = journal.at_once
        self._db.execute(TABLE)

    def batches(self) -> list[Batch]:
        """All of them."""
        rows = self._db.execute(
            "SELECT digest, state, batch_id, keys FROM batches WHERE endpoint = ?",
            (self._endpoint,),
        )
        return [
            Batch(digest, state, batch_id, frozenset(json.loads(keys)))
            for digest, state, batch_id, keys in rows
        ]

    def put(self, batch: Batch) -> None:
        """Write one down as it now is."""
        self._db.execute(
            "INSERT OR REPLACE INTO batches VALUES (?, ?, ?, ?, ?)",
            (batch.digest, self._endpoint, batch.state, batch.batch_id, json.dumps([*batch.keys])),
        )

    def drop(self, batch: Batch) -> None:
        """Forget one that was never submitted."""
        self._db.execute("DELETE FROM batches WHERE digest = ?", (batch.digest,))
