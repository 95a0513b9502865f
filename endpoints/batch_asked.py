"""The calls that go into batches, by request key: many, so that they lie on the disk."""

import json
from collections.abc import Iterator
from typing import Any

from endpoints.journal import Journal

TABLE = """
CREATE TEMP TABLE IF NOT EXISTS asked (
    place INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL
)
"""


class Asked:
    """The body of each call by its key, in the order in which they were put.

    SQLite keeps them in a temporary file of its own, which is gone with the journal's connection.
    """

    def __init__(self, journal: Journal) -> None:
        self._db = journal.db
        self._db.execute(TABLE)
        self._db.execute("DELETE FROM asked")

    def put(self, key: str, body: dict[str, Any]) -> None:
        """Take a call; one that is there stays."""
        known = "INSERT OR IGNORE INTO asked (key, body) VALUES (?, ?)"
        self._db.execute(known, (key, json.dumps(body)))

    def get(self, key: str) -> dict[str, Any] | None:
        """The body of a call; None where it is none of them."""
        found = self._db.execute("SELECT body FROM asked WHERE key = ?", (key,)).fetchone()
        return None if found is None else json.loads(found[0])

    def unanswered(self) -> list[str]:
        """The keys of the calls that the journal has no answer to."""
        missing = "SELECT key FROM asked WHERE key NOT IN (SELECT key FROM answers) ORDER BY place"
        return [key for (key,) in self._db.execute(missing)]

    def bodies(self, keys: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each of these keys with its body."""
        for key in keys:
            if (body := self.get(key)) is not None:
                yield key, body
