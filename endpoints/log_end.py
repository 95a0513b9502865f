"""What the log of a child that has ended says of why: the cause, and not the last progress bar.

A log is appended to from child to child; each begins with a line of ours, and only what follows the
last of them is of the last child.
"""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

LINES_BEFORE, LINES_AFTER = 11, 3
"""Lines shown around the cause; what a library says after it is rarely about it."""
LINES_SHOWN = 15
MOST_BYTES = 1 << 20
BEGINS = "=== prefloop: "
PYTHON_ERROR = re.compile(r"\b(?:[A-Za-z_][\w.]*)?(?:Error|Exception|Interrupt): \S.*")
"""How the last line of a traceback looks."""
POINTS_BACK = re.compile(
    r"(?i)root cause above|see stack trace|see the (logs|stack)|failed core proc"
)
"""What says that another error came first."""
PROGRESS = re.compile(r"\d+%\|.*\||\b\d+(\.\d+)?(it/s|s/it)\b")
NO_ROOM = re.compile(
    r"(?i)no space left on device|disk quota exceeded|os error (28|122)\b|disk is full"
    r"|PytorchStreamWriter failed|errno 28\b"
)
"""What Python, Rust, SQLite, torch and Arrow say where a disk is full."""


def begin(log: Path, command: str) -> str:
    """The line that a child's part of a log begins with."""
    return f"{BEGINS}{datetime.now(UTC).isoformat(timespec='seconds')} {command}\n"


def last_lines(log: Path) -> list[str]:
    """What the last child has logged, without blank lines and progress bars."""
    with log.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - MOST_BYTES))
        text = file.read().decode(errors="replace")
    lines = text.rpartition(f"\n{BEGINS}" if f"\n{BEGINS}" in text else BEGINS)[2].split("\n")
    if BEGINS in text:
        lines = lines[1:]
    drawn = (line.rstrip("\r").rpartition("\r")[2].rstrip() for line in lines)
    return [line for line in drawn if line and not PROGRESS.search(line)]


def reason_in(log: Path) -> str | None:
    """The last error that the last child names, as Python does at the end of a traceback, or None;
    not one that only points to another.
    """
    lines = last_lines(log)
    place = _cause(lines)
    found = None if place is None else PYTHON_ERROR.search(lines[place])
    return found[0] if found else None


def tail(log: Path, cause: bool = True) -> str:
    """The lines about the cause, or, where none is named or wanted, the last ones."""
    lines = last_lines(log)
    place = _cause(lines) if cause else None
    if place is None:
        return "\n".join(lines[-LINES_SHOWN:])
    return "\n".join(lines[max(0, place - LINES_BEFORE) : place + 1 + LINES_AFTER])


def says_disk_full(log: Path) -> bool:
    """Whether the last child has met a disk that is full."""
    return any(NO_ROOM.search(line) for line in last_lines(log)[-200:])


def _cause(lines: list[str]) -> int | None:
    named = [place for place, line in enumerate(lines) if PYTHON_ERROR.search(line)]
    first = [place for place in named if not POINTS_BACK.search(lines[place])]
    return next(reversed(first or named), None)
