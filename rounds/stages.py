"""Running a stage: not again while what it depends on is unchanged, and saying how far it is."""

import logging
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol

from rounds import schema
from rounds.attempts import Attempts
from rounds.errors import Stopped, WorkFailed
from rounds.fence import check_fence, token_of
from rounds.files import read_json_if_whole, remove, sync, write_json
from rounds.folder import JOURNAL_LOG, run_of
from rounds.ids import digest
from rounds.seal import read_whole, write_sealed
from rounds.written import files_of_stage, not_as_written

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


def stage_of(stage: str, policy_id: str) -> str:
    """The name of a stage that is run once for each policy. It names files: what a policy is called
    at an endpoint, which may hold slashes, stands in it as a hash.
    """
    return f"{stage}_{policy_id if policy_id.isalnum() else digest(policy_id)}"


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


def _token_in(path: Path, kept: str) -> list[int]:
    """The token that the name of a stage's folder ends with; zero where it has none."""
    parts = path.name.removeprefix(kept).removeprefix("-").split("-")
    return [int(part) for part in parts] if all(map(str.isdigit, parts)) else [0]


_running: ContextVar[Attempts | None] = ContextVar("attempts at the running stage", default=None)


def count_startup(what: str, seconds: float) -> None:
    """Seconds in which the running stage only waited for `what`, which stays up or must be loaded
    before any work: they are no work of the stage.
    """
    if (running := _running.get()) is not None:
        running.count_startup(what, seconds)


def run_stage(folder: Path, stage: str, key: str, work: Callable[[], Facts]) -> Facts:
    """The facts of a stage: what `work` returns, or what it returned when it ran on this key.

    `work` writes the stage's tables; its facts (counts, usage) and seconds are kept in a stamp, and
    apart from these what `count_startup` was told, with which files it wrote. The seconds are those
    of every attempt on this key. Raises Stopped where a file of the round is not as it was written.
    """
    check_written(folder)
    if (stamp := read_stamp(folder, stage)) is not None:
        if stamp["key"] == key:
            LOG.info("%s: reused%s", stage, rows_text(stamp["facts"]))
            return dict(stamp["facts"])
        LOG.info("%s: done again, what it depends on has changed", stage)
    remove_stamp(folder, stage)  # the tables are about to become those of another key
    attempts = Attempts(folder, stage, key)
    token = _running.set(attempts)
    try:
        with files_of_stage() as files:
            facts = work()
    except BaseException as error:
        attempts.end()
        if isinstance(error, WorkFailed):
            _note_failure(folder, stage, key, error)
        raise
    finally:
        _running.reset(token)
    _failure_path(folder, stage).unlink(missing_ok=True)
    attempts.end()
    sync(run_of(folder) / JOURNAL_LOG)  # the replies that the tables rest on
    write_sealed(
        _stamp_path(folder, stage),
        {
            "key": key,
            "seconds": round(attempts.seconds, 2),
            "startup": {what: round(value, 2) for what, value in attempts.startup.items()},
            "facts": facts,
            "files": files,
        },
    )
    attempts.forget()
    return facts


def check_written(folder: Path, hashes: Mapping[str, str] | None = None) -> None:
    """Raise Stopped where a file of a round under way is not as it was written.

    Of files that a stamp names, by size and time. At the end of the round, with the `hashes` that
    were just taken, by content, and of all: whoever removes a stamp may remove its tables as well.
    """
    wrong = not_as_written(folder, hashes=hashes or {})
    if wrong and hashes is None:
        stamped = {
            name for stamp in stage_stamps(folder).values() for name in stamp.get("files", ())
        }
        wrong = {name: what for name, what in wrong.items() if name in stamped}
    for name, what in wrong.items():
        raise Stopped(
            f"{folder / name} {what}: something else than prefloop has changed round "
            f"{folder.name.lstrip('0')} while it is under way",
            "run the same command again, which makes the file again,",
        )


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
    if read_json_if_whole(path) == said:
        error.twice = True
        error.then = f"it failed the same way twice: {error.then}"
    write_json(path, said)


def _failure_path(folder: Path, stage: str) -> Path:
    return folder / "work" / f"{stage}.failed"


def remove_stamp(folder: Path, stage: str) -> None:
    """Take a stage's stamp away: its tables are no longer, or not yet, what the stamp says."""
    remove(_stamp_path(folder, stage))


def read_stamp(folder: Path, stage: str) -> dict[str, Any] | None:
    """The stamp of a stage; None where it has none, or one that is not as it was written."""
    stamp = read_whole(_stamp_path(folder, stage))
    return stamp if stamp is not None and "key" in stamp else None


def stage_stamps(folder: Path) -> dict[str, dict[str, Any]]:
    """Every stamped stage of a round in progress: key, seconds and facts, by name."""
    names = [path.stem for path in sorted(folder.glob("work/*.json"))]
    stamps = {name: read_stamp(folder, name) for name in names}
    return {name: stamp for name, stamp in stamps.items() if stamp is not None}


def kl_of(folder: Path) -> float | None:
    """How far the policy that a round under way trained is from its reference, in nats a token;
    None where that was not measured.
    """
    stamp = read_stamp(folder, "train")
    kl = (stamp or {}).get("facts", {}).get("kl_per_token")
    return None if kl is None else float(kl)


def _stamp_path(folder: Path, stage: str) -> Path:
    return folder / "work" / f"{stage}.json"
