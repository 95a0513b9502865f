"""How many calls may be open at once where a process may have few files open: each is a socket."""

import logging
import os
import resource

LOG = logging.getLogger("prefloop")
RESERVED = 96
"""Descriptors beside the sockets: tables, the journal, libraries, pipes of children."""
_SAID: set[str] = set()


def calls_at_once(endpoint: str, wanted: int) -> int:
    """As many calls as are wanted, or as there is room for, which is said.

    The soft limit on open files is raised first, as far as the hard one lets it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY in (soft, hard) and soft == resource.RLIM_INFINITY:
        return wanted
    taken = len(os.listdir("/proc/self/fd"))
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
