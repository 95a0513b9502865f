"""Room on the disk: how much there is, and one error, with the folder, where there is none."""

import errno
import os
import shutil
import sqlite3
from pathlib import Path

from rounds.errors import Stopped

LEAST = 16 * 2**20
"""Bytes below which a stage stops: the answers under way, its notes and the journal still fit."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SQLITE_NO_ROOM = (13, 778, 4874)
"""SQLite's own: FULL, IOERR_WRITE (of a file that may not grow) and IOERR_SHMSIZE."""


class DiskFull(Stopped):
    """Nothing more can be written in a folder. What was written whole is kept."""

    then = "make room and run the same command again"

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(
            f"disk full: {folder} ({why}, {size_text(free_bytes(folder))} free); delete what is "
            "not needed there (`prefloop gc RUN --dry-run` lists what a run can do without), or "
            "move the runs to a larger disk (--runs-dir)"
        )


def free_bytes(folder: Path) -> int:
    """Bytes that can be written in a folder, there or still to be made."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(nearest).free


def require_room(folder: Path, least: int = LEAST) -> None:
    """Raise DiskFull where a folder has room for less than so many bytes."""
    if free_bytes(folder) < least:
        raise DiskFull(folder, f"{size_text(least)} are needed to go on")


def disk_full(error: BaseException, folder: Path) -> DiskFull | None:
    """The error for one that says, in its own way, that a disk is full; None for any other.

    `folder` is where the work writes; an OSError that names a file names its folder.
    """
    seen: BaseException | None = error
    passed: set[int] = set()
    while seen is not None and id(seen) not in passed:  # an error can be its own cause
        passed.add(id(seen))
        if isinstance(seen, DiskFull):
            return None if seen is error else seen
        if isinstance(seen, OSError) and seen.errno in NO_ROOM:
            named = seen.filename if isinstance(seen.filename, str) else None
            where = Path(named).absolute().parent if named else folder
            return DiskFull(where, os.strerror(seen.errno).lower())
        if isinstance(seen, sqlite3.Error) and _says_full(seen):
            return DiskFull(folder, str(seen))
        seen = seen.__cause__ or seen.__context__
    return None


def _says_full(error: sqlite3.Error) -> bool:
    return "disk is full" in str(error) or getattr(error, "sqlite_errorcode", 0) in SQLITE_NO_ROOM


def size_text(size: float) -> str:
    """Bytes as people read them."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
