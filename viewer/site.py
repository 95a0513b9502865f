"""What the pages of a session share: the run, what is open of it, and the files of its rounds."""

import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from rounds.errors import UserError
from rounds.files import read_json
from rounds.folder import read_manifest, round_dir, round_folders, round_number
from rounds.report import round_lines
from rounds.schema import TABLES
from rounds.status import round_state, state_lines
from rounds.tables import table_path
from viewer.queues import Entry, entries_of
from viewer.tables import RoundTables, open_listed

MOST_OPEN = 3
"""Rounds that are held open at a time; the one not looked at for longest is let go."""

WhatIf = Callable[[Path, int, list[str]], dict[str, Any]]
"""Derives a round's pairs again under other settings: (run folder, round, overrides)."""


class Compared(NamedTuple):
    """The comparisons of a round that people may be asked about, as its tables were `at`."""

    at: tuple[int, ...]
    entries: list[Entry]
    by_pair: dict[frozenset[str], Entry]


@dataclass
class Site:
    """A session on one run. Without `what_if` the panel derives nothing."""

    run_dir: Path
    token: str
    what_if: WhatIf | None = None
    scratch: tempfile.TemporaryDirectory[str] = field(
        default_factory=lambda: tempfile.TemporaryDirectory(prefix="prefloop-inspect-")
    )
    _open: dict[Path, tuple[tuple[int, ...], RoundTables]] = field(default_factory=dict)
    _compared: dict[Path, Compared] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def folder(self, number: int) -> Path:
        """The folder of a round. Raises UserError where it is not there."""
        folder = round_dir(self.run_dir, number)
        if not folder.is_dir():
            known = ", ".join(str(round_number(path)) for path in round_folders(self.run_dir))
            raise UserError(f"round {number} is not there (rounds there: {known or 'none'})")
        return folder

    def tables(self, folder: Path) -> RoundTables:
        """The tables of a round as they are now, with its pairs listed."""
        now = tables_now(folder)
        with self._lock:  # whoever asks meanwhile waits, and finds them open
            held = self._open.pop(folder, None)
            if held is None or held[0] != now:
                held = now, open_listed(folder, Path(self.scratch.name))
            self._open[folder] = held
            while len(self._open) > MOST_OPEN:
                self._open.pop(next(iter(self._open)))
        return held[1]

    def entries(self, folder: Path) -> list[Entry]:
        """The comparisons of a round that people may be asked about, as its tables are now."""
        return self._comparisons(folder).entries

    def entry(self, number: int, a: str, b: str) -> Entry | None:
        """The comparison of two candidates; None where it, or its round, is not there."""
        folder = round_dir(self.run_dir, number)
        if not folder.is_dir():
            return None
        return self._comparisons(folder).by_pair.get(frozenset((a, b)))

    def _comparisons(self, folder: Path) -> Compared:
        now = tables_now(folder)
        with self._lock:
            held = self._compared.get(folder)
            if held is None or held.at != now:
                entries = entries_of(folder)
                by_pair = {frozenset(each.pair): each for each in entries}
                held = self._compared[folder] = Compared(now, entries, by_pair)
        return held

    def open_last(self) -> None:
        """Open the tables of the last round, so that who looks need not wait."""
        with suppress(duckdb.Error, UserError, OSError):  # the page says what is wrong
            if folders := round_folders(self.run_dir):
                self.tables(folders[-1])

    def siblings(self) -> list[str]:
        """The names of the runs in the folder that this one lies in, this one first."""
        others = {path.parent.name for path in self.run_dir.parent.glob("*/run.yaml")}
        return [self.run_dir.name, *sorted(others - {self.run_dir.name})]


@dataclass(frozen=True)
class RoundFiles:
    """What a round's own files say: each is None where it is not there, and `faults` says of those
    that cannot be read why."""

    number: int
    metrics: dict[str, Any] | None
    manifest: dict[str, Any] | None
    faults: list[str]


def tables_now(folder: Path) -> tuple[int, ...]:
    """When each table of a round was last written; 0 where it is not there."""
    return tuple(_changed(table_path(folder, name)) for name in TABLES)


def round_files(folder: Path) -> RoundFiles:
    """Read them, whatever state they are in."""
    faults: list[str] = []

    def read(
        what: Callable[[], Any], name: str, known: Callable[[Any], None]
    ) -> dict[str, Any] | None:
        try:
            value = what()
        except (OSError, ValueError, UserError, RecursionError) as error:
            faults.append(f"{folder / name} cannot be read: {error}")
            return None
        try:
            if value is not None:
                known(value)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            of = f"({type(error).__name__}: {error})"
            faults.append(f"{folder / name} holds what was not expected {of}; it is left out")
            return None
        return dict(value) if value is not None else None

    path = folder / "metrics.json"
    return RoundFiles(
        round_number(folder),
        read(lambda: read_json(path) if path.exists() else None, "metrics.json", _known_figures),
        read(lambda: read_manifest(folder), "manifest.json", _known_facts),
        faults,
    )


def _known_figures(metrics: Any) -> None:
    """Raise where metrics are not what a round writes: before they are shown, not while."""
    round_lines(metrics)
    train = metrics.get("train") or {}
    gold = (metrics.get("judge") or {}).get("gold") or {}
    _ = [point["step"] + 0 for point in train.get("curves") or []]
    _ = [(each["confidence"], each["accuracy"]["n"]) for each in gold.get("reliability") or []]
    for name in ("test", "gate"):
        measured = metrics.get(name) or {}
        by_tag = measured.get("by_tag_vs_previous") or {}
        whole = [measured.get(f"win_rate_vs_{other}") for other in ("previous", "initial")]
        _ = [(rate["value"], rate["low"]) for rate in [*whole, *by_tag.values()] if rate]
    _ = sum(metrics["seconds"].values()) + metrics["round"]


def _known_facts(manifest: Any) -> None:
    """Raise where a manifest does not name its policies and its decision."""
    for name in ("initial", "policy", "in_place", *(["trained"] if manifest["trained"] else [])):
        _ = manifest[name]["policy_id"] + ""
    _ = manifest["round"] + 0, manifest["decision"]["promoted"]


def round_state_lines(folder: Path) -> list[tuple[str, str]]:
    """The state of a round under way in lines; why it cannot be read where it cannot."""
    try:
        return state_lines(round_state(folder))
    except (UserError, OSError, ValueError, KeyError, TypeError) as error:
        return [("state", f"cannot be read: {error}")]


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
