"""Temporary folders outside of runs. Their names say whose they are, so that those of processes
that were killed are found and go."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
"""Where a temporary folder has a short path."""
NAME = re.compile(r"prefloop-(\d+)-(\d+)-")


@contextmanager
def scratch(what: str, beside: str | None = None) -> Iterator[Path]:
    """A temporary folder, in TMPDIR or `beside`, which is gone after the block."""
    prefix = f"prefloop-{_processes()}-{os.getpid()}-{what}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=beside) as folder:
        yield Path(folder)


def sweep_scratch() -> None:
    """Remove the temporary folders of processes of this machine that are no more. Those of other
    containers that share the folder stay.
    """
    for where in {tempfile.gettempdir(), *SHORT_FOLDERS}:
        for path in Path(where).glob("prefloop-*"):
            named = NAME.match(path.name)
            if named and named[1] == str(_processes()) and not is_alive(int(named[2])):
                shutil.rmtree(path, ignore_errors=True)


def is_alive(pid: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _processes() -> int:
    """What tells the process numbers of one container from those of another."""
    return os.stat("/proc/self/ns/pid").st_ino
