"""What a new owner of a run does so that the one before, should it wake, writes nothing.

Whatever it had begun to write is removed. SQLite writes into a file that stays open, which no look
at the lease can guard: where the owner before may live, such a file is replaced by a copy of its
own, and late writes go into the one that has no name any more.
"""

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

TEMPORARY = ".*.tmp"
"""What `rounds.files` calls a file or folder that is not yet in place."""
LOGS = ("-wal", "-shm")
"""What SQLite keeps beside a database: what was written last, and an index of it."""


def remove_temporaries(run_dir: Path) -> None:
    """Remove what was being written when another stopped."""
    for path in [*run_dir.rglob(TEMPORARY)]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def replace_databases(run_dir: Path) -> None:
    """Give each SQLite database of the run a file of its own, with all that is committed to it.

    A kill in between loses nothing: the old log, read over the copy, changes nothing in it.
    """
    for path in run_dir.glob("*.sqlite"):
        with TemporaryDirectory(dir=run_dir, prefix=f".{path.name}.", suffix=".tmp") as scratch:
            copy = Path(scratch) / path.name
            shutil.copyfile(path, copy)
            with suppress(FileNotFoundError):  # read without -shm, which only its host understands
                shutil.copyfile(f"{path}-wal", f"{copy}-wal")
            try:
                with closing(sqlite3.connect(copy, isolation_level=None)) as database:
                    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.DatabaseError:  # a damaged one is named by who opens it
                continue
            with copy.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(copy, path)
            for log in LOGS:
                Path(f"{path}{log}").unlink(missing_ok=True)
