"""The end of a command from outside: SIGTERM, as a service manager sends it, is as Ctrl-C."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

INTERRUPTED, TERMINATED = 130, 143
"""The exit status of a command that was ended by Ctrl-C, and by SIGTERM."""


class _Seen:
    sigterm = False


@contextmanager
def as_by_hand() -> Iterator[None]:
    """In the block SIGTERM interrupts the work as Ctrl-C does, once: what is under way ends well.

    In a thread other than the first, where no signal can be handled, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        if not _Seen.sigterm:
            signal.signal(signal.SIGTERM, before)


def _interrupt(*_: Any) -> None:
    _Seen.sigterm = True
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the end is under way
    if signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):  # as of what a shell sends behind
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)


def was_terminated() -> bool:
    """Whether it was SIGTERM that ended the work."""
    return _Seen.sigterm


def ended_by() -> str:
    """What ended the work, in words."""
    return "SIGTERM" if _Seen.sigterm else "hand"


def exit_status() -> int:
    """The exit status of a command whose work was interrupted."""
    return TERMINATED if _Seen.sigterm else INTERRUPTED
