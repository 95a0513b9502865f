"""What a kill or other hands left in a run folder, put right before the round goes on.

Whatever can be made again is taken away, with the stamps of the stages that made it; they find what
they asked in the journal and what they drew in their chunks.
"""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from rounds.files import read_json_if_whole, remove
from rounds.progress import PROGRESS
from rounds.schema import OPTIONAL, TABLES
from rounds.scratch import sweep_scratch
from rounds.stages import read_stamp, remove_stamp
from rounds.tables import table_path
from rounds.written import forget_written, not_as_written, read_written

SCRATCH = (".forget-*", ".reparse-*")
"""Folders inside a round's that a command works in."""


def mend_run(run_dir: Path, folder: Path, thorough: bool = False) -> list[str]:
    """Take away what is left of dead processes and, of the round under way in `folder`, what is not
    as it was written; says what is made again, a sentence each. The run's lock must be held.
    """
    _sweep(run_dir)
    sweep_scratch()
    if not folder.is_dir():
        return []
    return [*_mend_work(folder), *_mend_tables(folder, thorough)]


def _sweep(run_dir: Path) -> None:
    """What was being written goes as the lease is taken (`rounds.takeover`)."""
    remove(run_dir / "work")  # of a trial
    for path in (path for shape in SCRATCH for path in run_dir.glob(f"rounds/*/{shape}")):
        remove(path)


def _mend_work(folder: Path) -> list[str]:
    """Damaged notes and chunks go."""
    said = []
    for path in sorted(folder.glob("work/*.json")):
        stamp = read_json_if_whole(path)
        damaged = not isinstance(stamp, dict) or (
            "key" in stamp and read_stamp(folder, path.stem) is None
        )
        if damaged:
            remove(path)
        if damaged and path.name != PROGRESS:  # which nobody waits for
            said.append(f"{path} is damaged, and is made again")
    for path in sorted(folder.glob("work/*/**/aside-*.json")):
        if read_json_if_whole(path) is None:
            remove(path)
            said.append(f"{path} is damaged: its prompts are sampled again")
    for path in sorted(folder.glob("work/*/**/chunk-*.parquet")):
        if not _can_be_read(path):
            remove(path)
            said.append(f"{path} is damaged: its prompts are sampled again")
    return said


def _mend_tables(folder: Path, thorough: bool) -> list[str]:
    """Tables and weights that are not as they were written go, and the stamps that name them."""
    ledger, wrong = read_written(folder), dict[str, str]()
    for name, what in not_as_written(folder, thorough).items():
        wrong[_top(name)] = f"{folder / name} {what}"
    for table in (*TABLES, *OPTIONAL):
        path = table_path(folder, table)
        if path.exists() and path.name not in ledger and not _can_be_read(path):
            wrong[path.name] = f"{path} cannot be read"
    stamps = {
        path.stem: stamp
        for path in sorted(folder.glob("work/*.json"))
        if (stamp := read_stamp(folder, path.stem))
    }
    for name in {name for stamp in stamps.values() for name in stamp.get("files", ())}:
        if name not in ledger:
            wrong.setdefault(_top(name), f"{folder / name} has lost the note of how it was written")
    gone, again = _made_again(set(wrong), stamps)
    for name in gone:  # first, so that a kill in between leaves stamps that miss them
        remove(folder / name)
    for stage in again:
        remove_stamp(folder, stage)
    forget_written(folder, *(name for name in ledger if _top(name) in gone))
    stages = f" by {', '.join(again)}" if again else ""
    return [f"{what}: made again{stages}" for what in wrong.values()]


def _made_again(gone: set[str], stamps: dict[str, dict[str, Any]]) -> tuple[set[str], list[str]]:
    """The stages that wrote these tables, and all that they wrote with the stages that wrote it:
    rows then come in the order in which they first came.
    """
    again: list[str] = []
    while True:
        for stage, stamp in stamps.items():
            # a stamp of before says of no file that it wrote it
            names = set(map(_top, stamp["files"])) if "files" in stamp else gone
            if stage not in again and names & gone:
                again.append(stage)
                gone = gone | names
                break
        else:
            return gone, again


def _top(name: str) -> str:
    """The table, or the folder of weights, that a noted file belongs to."""
    return name.partition("/")[0]


def _can_be_read(path: Path) -> bool:
    try:
        pq.read_metadata(path)
    except (OSError, ValueError):
        return False
    return True
