"""How many calls may be open at once where a process may have few files open: each is a socket."""

import logging
import os
import resource
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LOG = logging.getLogger("prefloop")
RESERVED = 96
"""Descriptors beside the sockets: tables, the journal, libraries, pipes of children."""
_SAID: set[str] = set()


_OPEN: dict[object, int] = {}
"""The calls of each stream that is open, whether they are sent yet or not."""
_BEFORE: list[int] = []
"""Descriptors that were taken when no stream was open."""
_LOCK = threading.Lock()


@asynccontextmanager
async def calls_at_once(endpoint: str, wanted: int) -> AsyncIterator[int]:
    """As many calls as are wanted, or as there is room for beside those of the other streams that
    are open in this process, which is said; theirs until the block ends.

    The soft limit on open files is raised first, as far as the hard one lets it.
    """
    stream = object()
    try:
        with _LOCK:
            _OPEN[stream] = room = _room(endpoint, wanted)
        yield room
    finally:
        with _LOCK:
            _OPEN.pop(stream, None)


def _room(endpoint: str, wanted: int) -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY in (soft, hard) and soft == resource.RLIM_INFINITY:
        return wanted
    taken = len(os.listdir("/proc/self/fd"))
    if not _OPEN:
        _BEFORE[:] = [taken]
    taken = max(taken, sum(_BEFORE) + sum(_OPEN.values()))
    needed = taken + wanted + RESERVED
    if soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    room = max(1, soft - taken - RESERVED)
    if room < wanted and endpoint not in _SAID:
        _SAID.add(endpoint)
        LOG.warning(
            "endpoint %s: %d calls at once instead of %d (max_in_flight): this process may have %d "
            "files open; raise it with `ulimit -n %d`",
            *(endpoint, room, wanted, soft, needed),
        )
    return min(wanted, room)
