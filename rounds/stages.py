"""Running a stage: not again while what it depends on is unchanged, and saying how far it is."""

import logging
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol

from rounds import schema
from rounds.errors import WorkFailed
from rounds.fence import check_fence, token_of
from rounds.files import read_json, remove, write_json
from rounds.ids import digest

LOG = logging.getLogger("prefloop")

Facts = dict[str, Any]
"""What a stage returns: counts, usage, and what later stages need of it."""


class Progress(Protocol):
    """Called by a stage as work is done; the caller decides how it is shown."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """`done` of `total` units of the stage are finished."""


def silent(done: int, total: int, note: str = "") -> None:
    """A progress that shows nothing."""


def stage_key(*depends_on: object) -> str:
    """The key of a stage: its inputs, its config section, the texts it uses, the table schema."""
    return digest(schema.VERSION, *depends_on)


def work_dir(folder: Path, stage: str, key: str) -> Path:
    """Where the stage keeps its chunks; those of other inputs are thrown away.

    Under a lease the folder bears its token, and what an earlier one left is moved there: a child
    whose parent lost the run, which libraries let write as they like, then writes elsewhere.
    """
    token, kept = token_of(folder), f"{stage}-{key}"
    path = folder / "work" / (f"{kept}-{token}" if token else kept)
    of_key = {other: _token_in(other, kept) for other in folder.glob(f"work/{kept}*")}
    latest = max(of_key, key=lambda other: of_key[other], default=path)
    if latest != path and not path.exists():
        check_fence(latest)
        latest.rename(path)
    for other in folder.glob(f"work/{stage}-*"):
        if other != path:
            remove(other)
    path.mkdir(parents=True, exist_ok=True)
    return path


def _token_in(path: Path, kept: str) -> int:
    """The token that the name of a stage's folder ends with; 0 where it has none."""
    token = path.name.removeprefix(kept).removeprefix("-")
    return int(token) if token.isdigit() else 0


_startup: ContextVar[dict[str, float] | None] = ContextVar(
    "start-up of the running stage", default=None
)


def count_startup(what: str, seconds: float) -> None:
    """Seconds in which the running stage only waited for `what`, which stays up or must be loaded
    before any work: they are no work of the stage.
    """
    if (startup := _startup.get()) is not None:
        startup[what] = startup.get(what, 0) + seconds


def run_stage(folder: Path, stage: str, key: str, work: Callable[[], Facts]) -> Facts:
    """The facts of a stage: what `work` returns, or what it returned when it ran on this key.

    `work` writes the stage's tables; its facts (counts, usage) and seconds are kept in a stamp, and
    apart from these what `count_startup` was told.
    """
    path = folder / "work" / f"{stage}.json"
    if path.exists():
        if (stamp := read_json(path))["key"] == key:
            LOG.info("%s: reused%s", stage, rows_text(stamp["facts"]))
            return dict(stamp["facts"])
        LOG.info("%s: done again, what it depends on has changed", stage)
    remove_stamp(folder, stage)  # the tables are about to become those of another key
    startup: dict[str, float] = {}
    started = time.monotonic()
    token = _startup.set(startup)
    try:
        facts = work()
    except WorkFailed as error:
        _note_failure(folder, stage, key, error)
        raise
    finally:
        _startup.reset(token)
    remove(_failure_path(folder, stage))
    seconds = round(time.monotonic() - started - sum(startup.values()), 2)
    waited = {what: round(value, 2) for what, value in startup.items()}
    write_json(path, {"key": key, "seconds": seconds, "startup": waited, "facts": facts})
    return facts


def rows_text(facts: Facts) -> str:
    """ ": 120 rows", of the table that a stage wrote; empty where its facts count none."""
    counts = (facts.get(name) for name in ("train", "candidates", "verdicts", "kept"))
    rows = next((count for count in counts if isinstance(count, int)), None)
    return "" if rows is None else f": {rows:,} rows"


def _note_failure(folder: Path, stage: str, key: str, error: WorkFailed) -> None:
    """Keep what a stage failed with by itself, and say so where it was the same the time before."""
    if not error.own:
        return
    said = [key, re.sub(r"\d+", "", str(error).splitlines()[-1])]  # times and ports are no reason
    path = _failure_path(folder, stage)
    if path.exists() and read_json(path) == said:
        error.twice = True
        error.then = f"it failed the same way twice: {error.then}"
    write_json(path, said)


def _failure_path(folder: Path, stage: str) -> Path:
    return folder / "work" / f"{stage}.failed"


def remove_stamp(folder: Path, stage: str) -> None:
    """Take a stage's stamp away: its tables are no longer, or not yet, what the stamp says."""
    remove(folder / "work" / f"{stage}.json")


def stage_stamps(folder: Path) -> dict[str, dict[str, Any]]:
    """Every stamped stage of a round in progress: key, seconds and facts, by name."""
    stamps = {path.stem: read_json(path) for path in sorted(folder.glob("work/*.json"))}
    return {name: stamp for name, stamp in stamps.items() if "key" in stamp}
