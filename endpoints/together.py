"""Replies that arrive together are committed to the journal together."""

import asyncio
from typing import Any

from endpoints.journal import Journal


class Together:
    """Writes to a journal once a turn of the event loop: a commit costs about as much as a reply.

    Nothing is read back from it before it is committed, and no reply is used.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._rows: list[tuple[Any, ...]] = []
        self._committed: asyncio.Future[None] | None = None

    async def put(self, *row: Any) -> None:
        """As `Journal.put`; it returns when the reply is committed, and raises where none was."""
        self._rows.append(row)
        if self._committed is None:
            self._committed = self._loop.create_future()
            self._loop.call_soon(self._commit)
        # shielded: one that no longer waits leaves the others waiting
        await asyncio.shield(self._committed)

    def _commit(self) -> None:
        rows, committed = self._rows, self._committed
        assert committed is not None, "somebody waits for it"
        self._rows, self._committed = [], None
        try:
            with self._journal.at_once():
                for row in rows:
                    self._journal.put(*row)
            self._journal.sync_now_and_then()
        except Exception as error:
            committed.set_exception(error)
            return
        committed.set_result(None)
