"""A parent for one child that outlives neither side: `python -P supervise.py FD COMMAND...`

The supervisor holds the read end of a pipe whose write end only the starting process has. When
that process dies, however it dies, the pipe closes and everything the child ever started is
ended. When the child ends first, what it left behind is ended too and its exit status passed on.
So it is where another took over the run that the child works for: the starting process may be
stopped just then, and could not.

The supervisor makes itself the reaper of orphans (PR_SET_CHILD_SUBREAPER), so that grandchildren
that moved to a session of their own are still found. A parent-death signal would not do: it
follows the thread that forked, and vLLM's engine core is not a direct child.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""
LOOKS = 1.0
"""Seconds between two looks whether the run was taken over."""


def main() -> int:
    """Run the command and see to its end; returns its exit status."""
    pipe, command = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    child = subprocess.Popen(command)
    ended = os.pidfd_open(child.pid)
    while not select.select([pipe, ended], [], [], LOOKS)[0] and not taken_over():
        pass
    parent_alive = child.poll() is not None
    end_descendants(GRACE if parent_alive else 0.5)
    status = child.wait()
    return status if status >= 0 else 128 - status


def taken_over() -> bool:
    """Whether the lease under which the child was started (`rounds.fence`) is the newest no more.

    Storage that does not answer says nothing.
    """
    if not (claim := os.environ.get("PREFLOOP_LEASE", "")):
        return False
    folder, own = os.path.split(claim)
    try:
        names = os.listdir(folder)  # 00000007.json, and 00000007-0002.json for what 7 has lent
        return max(names)[:8] > own[:8] or ("-" in own and own not in names)
    except (OSError, ValueError):
        return False


def end_descendants(grace: float) -> None:
    """SIGTERM, then SIGKILL, to every process below this one, until none is left."""
    deadline = time.monotonic() + grace
    last = signal.SIGTERM
    signalled: set[int] = set()
    while alive := descendants(os.getpid()):
        if last == signal.SIGTERM and time.monotonic() > deadline:
            last, signalled = signal.SIGKILL, set()
        for pid in alive - signalled:
            try:
                os.kill(pid, last)
            except ProcessLookupError:
                pass
        signalled |= alive
        time.sleep(0.02)


def descendants(root: int) -> set[int]:
    """Process ids below `root` that still run, from /proc. (A zombie no longer runs.)"""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # a process may have a name that is no text
                stat = (entry / "stat").read_text(errors="replace")
                state, parent = stat.rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state != "Z":
                children.setdefault(int(parent), []).append(int(entry.name))
    below: set[int] = set()
    unseen = list(children.get(root, []))
    while unseen:
        pid = unseen.pop()
        below.add(pid)
        unseen += children.get(pid, [])
    return below


if __name__ == "__main__":
    sys.exit(main())
