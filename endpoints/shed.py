"""Taking the calls of old rounds out of the journal."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from endpoints.journal import Journal
from rounds.folder import round_folders, round_number
from rounds.removed import note_removed
from rounds.rows import VERDICTS
from rounds.tables import iter_rows, table_path


def shed_calls(run_dir: Path, folders: Sequence[Path], really: bool = True) -> tuple[int, int]:
    """Remove the calls behind the verdicts of these rounds, and of no other; returns how many, and
    the bytes of their requests and replies.

    What rests on no verdict (generated prompts, answers of an endpoint) stays.
    """
    if not folders or not (run_dir / "journal.sqlite").exists():
        return 0, 0
    others = [folder for folder in round_folders(run_dir) if folder not in folders]
    still = {key for folder in others for key in _keys(folder)}
    calls = size = 0
    counts = []
    with Journal(run_dir / "journal.sqlite") as journal:
        going: dict[Path, list[str]] = {
            folder: sorted(set(_keys(folder)) - still) for folder in folders
        }
        measure = "SELECT COALESCE(SUM(LENGTH(request) + LENGTH(answer)), 0) FROM {} WHERE key = ?"
        for folder, keys in going.items():
            for key in keys:
                for table in ("answers", "failed"):
                    size += journal.db.execute(measure.format(table), (key,)).fetchone()[0]
            calls += len(keys)
            counts.append({"round": round_number(folder), "calls": len(keys)})
        if really:
            note_removed(run_dir, "calls", counts)
            with journal.at_once():
                for key in (key for keys in going.values() for key in keys):
                    for table in ("answers", "failed"):
                        journal.db.execute(f"DELETE FROM {table} WHERE key = ?", (key,))
            journal.db.execute("VACUUM")
            journal.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return calls, size


def _keys(folder: Path) -> Iterator[str]:
    if table_path(folder, "verdicts").exists():
        for row in iter_rows(folder, VERDICTS, columns=["request_key"]):
            if row["request_key"]:
                yield row["request_key"]
