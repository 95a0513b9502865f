"""How far the stage at work is, kept in the round's folder for whoever looks."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from rounds.disk import require_room
from rounds.files import read_json_if_whole, write_json
from rounds.stages import Progress

PROGRESS = "progress.json"
EVERY = 1.0
"""Seconds between two notes; the last one of a stage is always written."""


class StageProgress(TypedDict):
    """`done` of `total` units of a stage (total 0: not known), `at` in ISO 8601, UTC."""

    stage: str
    done: int
    total: int
    note: str
    at: str


def noting(folder: Path, stage: str, shown: Progress) -> Progress:
    """A progress that is shown as before and noted in the round's folder."""
    last = 0.0

    def report(done: int, total: int, note: str = "") -> None:
        nonlocal last
        shown(done, total, note)
        now = time.monotonic()
        if now - last < EVERY and not (total and done == total):
            return
        last = now
        require_room(folder)
        if (folder / "work").is_dir():  # a finished round has none, and gets none again
            at = datetime.now(UTC).isoformat(timespec="seconds")
            facts: StageProgress = {
                "stage": stage,
                "done": done,
                "total": total,
                "note": note,
                "at": at,
            }
            write_json(_path(folder), facts, durable=False)

    return report


def read_progress(folder: Path) -> StageProgress | None:
    """The last note; None where there is none."""
    progress: StageProgress | None = read_json_if_whole(_path(folder))
    return progress


def progress_text(progress: StageProgress) -> str:
    """A note as a sentence."""
    of = f" of {progress['total']:,}" if progress["total"] else ""
    note = f", {progress['note']}" if progress["note"] else ""
    return f"{progress['stage']}: {progress['done']:,}{of}{note} ({progress['at']})"


def _path(folder: Path) -> Path:
    return folder / "work" / PROGRESS
