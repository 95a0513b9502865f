"""Which files of a run go to its mirror."""

import sqlite3
from contextlib import closing
from pathlib import Path

from rounds.folder import DECISIONS
from rounds.mirror.files import Entry, entry_of

SCRATCH = ".mirror"
"""The folder in a run folder for what is on its way."""

JOURNAL = "journal.sqlite"
STATE_FILES = (
    *("run.yaml", "dialects.json", "trial.json", "removed.json", "labels/*.jsonl"),
    DECISIONS,
)
"""What a run goes on with elsewhere, beside its rounds and its journal. The index of pairs is built
again from the rounds, and policy.json and the card are made of the manifests."""

HERE_ONLY = ("work", "logs")
"""Folders of a round that no other machine needs."""


def round_files(folder: Path) -> dict[str, Entry]:
    """Every file of a finished round but its manifest, by its path in the round's folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    names = {path: path.relative_to(folder) for path in files}
    return {
        name.as_posix(): entry_of(path)
        for path, name in names.items()
        if name.parts[0] not in HERE_ONLY
        and name.as_posix() != "manifest.json"
        and not any(part.startswith(".") for part in name.parts)
    }


def state_files(run_dir: Path) -> dict[str, tuple[Path, Entry]]:
    """The files of the run itself, by their path in its folder: each where it lies, and as it is.

    The journal is a copy of one moment, in SCRATCH.
    """
    found = {path: path for pattern in STATE_FILES for path in run_dir.glob(pattern)}
    if (journal := run_dir / JOURNAL).exists():
        found[journal] = run_dir / SCRATCH / JOURNAL
        snapshot(journal, found[journal])
    return {
        named.relative_to(run_dir).as_posix(): (path, entry_of(path))
        for named, path in sorted(found.items())
    }


def snapshot(journal: Path, to: Path) -> None:
    """A copy of a SQLite file as it is at one moment, also while others write to it."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with (
        closing(sqlite3.connect(f"{journal.resolve().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(to)) as copy,
    ):
        source.backup(copy)
