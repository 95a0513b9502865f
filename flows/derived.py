"""A round beside itself: its tables under links, so that a stage run on it leaves it as it is."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rounds.folder import earlier_rounds, read_round_start, round_dir, round_number, run_of
from rounds.folder import write_round_start as write_start
from rounds.rows import CANDIDATES, PROMPTS, VERDICTS
from rounds.scratch import scratch
from rounds.tables import table_path

STARTS_FROM = ("policy", "initial", "seed", "dialects", "control_tokens", "near_held_out")
"""What the stages read of a round's start."""

NOT_LINKED = ("journal.sqlite", ".lock")


@contextmanager
def copied_round(folder: Path, journal: bool = False, index: bool = False) -> Iterator[Path]:
    """The folder of a round under way that has what `folder` has before its pairs are made.

    Of the run it has the earlier rounds, whose pairs are indexed anew but with `index`, and with
    `journal` a copy of the replies. Whatever is written there is its own: files are renamed into
    place, over a link and not through it. Raises sqlite3.Error where the journal is damaged.
    """
    run_dir, number = run_of(folder).resolve(), round_number(folder)
    with scratch("derived") as beside:
        copy = round_dir(beside / run_dir.name, number)
        copy.mkdir(parents=True)
        for table in (PROMPTS, CANDIDATES, VERDICTS):
            table_path(copy, table).symlink_to(table_path(folder, table).resolve())
        for earlier in earlier_rounds(folder):
            (copy.parent / earlier.name).symlink_to(earlier.resolve())
        for file in run_dir.glob("*.*"):
            if file.is_file() and not file.name.startswith(NOT_LINKED):
                (run_of(copy) / file.name).symlink_to(file)
        if index:
            _link_index(folder, run_of(copy) / "index")
        if journal:
            _copy_journal(run_dir / "journal.sqlite", run_of(copy) / "journal.sqlite")
        start = read_round_start(folder)
        write_start(copy, {name: start[name] for name in STARTS_FROM if name in start})
        yield copy


def _link_index(folder: Path, to: Path) -> None:
    """What the run has indexed of the earlier rounds."""
    to.mkdir()
    for earlier in earlier_rounds(folder):
        for file in (run_of(folder) / "index").glob(f"{round_number(earlier):04d}.*"):
            (to / file.name).symlink_to(file.resolve())


def _copy_journal(path: Path, to: Path) -> None:
    """Copy a journal without writing beside it, where nobody has it open."""
    if not path.with_name(path.name + "-wal").exists():
        shutil.copyfile(path, to)
        return
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as kept:
        with closing(sqlite3.connect(to)) as copy:
            kept.backup(copy)
