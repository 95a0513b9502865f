"""Whether a journal can be trusted with what was paid for, found before anything is asked."""

import sqlite3
from contextlib import closing
from pathlib import Path

from rounds.errors import UserError

QUICK = 10**9
"""Bytes up to which a journal is always read through: half a second or two."""
WAY_OUT = (
    "put a copy of it back (a backup, the mirror), or have `sqlite3 {path} .recover` write what "
    "can be read of it into a new one; without it, what it answered is asked, and paid, again"
)


def check_journal(path: Path, needed: bool = False, thorough: bool = False) -> None:
    """Raise UserError for a journal that is damaged, or not there where a round under way rests on
    it (`needed`). Large ones are read through if their last process died, or if `thorough`.
    """
    way_out = WAY_OUT.format(path=path)
    if not path.exists():
        if needed:
            raise UserError(
                f"{path}: is not there, and the round under way rests on its replies; put a copy "
                "of it back, or delete the round's folder to begin the round anew: then its calls "
                "are asked, and paid, again"
            )
        return
    log = path.with_name(f"{path.name}-wal")
    died = log.exists() and log.stat().st_size > 0  # who only looked leaves an empty one
    read_through = thorough or died or path.stat().st_size < QUICK
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            faults = db.execute("PRAGMA quick_check(1)").fetchall() if read_through else []
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            return  # another process has it, and is about to be named
        raise UserError(f"{path}: is damaged ({error}); {way_out}") from error
    if faults and faults != [("ok",)]:
        raise UserError(f"{path}: is damaged ({faults[0][0]}); {way_out}")
