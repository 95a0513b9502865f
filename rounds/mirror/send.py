"""Sending a run to its mirror: finished rounds, oldest first, then what else a run goes on with.

What is there and right is not sent again, so that a sending that was killed goes on where it was.
"""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from rounds.folder import round_dir, round_number
from rounds.mirror.carried import SCRATCH, round_files, state_files
from rounds.mirror.files import Entry, holds, send
from rounds.mirror.meter import Meter
from rounds.mirror.store import MirrorDamaged, Store, listing, put, put_new
from rounds.mirror.there import (
    LIST,
    STATE,
    Rounds,
    check_same,
    list_text,
    listed,
    place_of,
    rounds_here,
    rounds_there,
    state_place,
    without_cut,
)
from rounds.stages import Progress


class Sent(NamedTuple):
    """What a sending came to: the rounds that were not at the mirror, files and bytes sent, files
    that are damaged there and no longer here; how many files were read back, and which of them were
    damaged there and sent again.
    """

    rounds: list[int]
    files: int
    size: int
    lost: list[str]
    read_back: int = 0
    mended: tuple[str, ...] = ()


def send_run(store: Store, run_dir: Path, progress: Progress, verify: bool = False) -> Sent:
    """Send what the mirror has not; with `verify`, read back all that it has and mend that too.

    Raises MirrorConflict where the mirror's rounds are not this run's, MirrorFailed where a file
    cannot be sent: what was sent by then stays.
    """
    here = rounds_here(run_dir)
    there = without_cut(rounds_there(store), here)
    check_same(store, run_dir, here, there)
    shutil.rmtree(run_dir / SCRATCH, ignore_errors=True)
    try:
        wanted = {
            number: round_files(round_dir(run_dir, number))
            for number in here
            if verify or number not in there
        }
        state = state_files(run_dir)
        entries = [entry for _, entry in state.values()]
        entries += [entry for files in wanted.values() for entry in files.values()]
        sending = _Sending(store, Meter(progress, entries, "MB to the mirror"), verify)
        lost: list[str] = []
        for number, files in wanted.items():
            lost += _send_round(sending, round_dir(run_dir, number), here[number], files)
            _put_manifest(store, run_dir, here, number)
        if here:
            _send_state(sending, state, max(here))
    finally:
        shutil.rmtree(run_dir / SCRATCH, ignore_errors=True)
    new, back = sorted(here.keys() - there.keys()), sending.read_back
    return Sent(new, sending.files, sending.size, lost, back, tuple(sending.mended))


class _Sending:
    """Files on their way, and what of them was sent."""

    def __init__(self, store: Store, meter: Meter, verify: bool) -> None:
        self.store, self._meter, self._verify = store, meter, verify
        self.files, self.size, self.read_back = 0, 0, 0
        self.mended: list[str] = []

    def send(self, local: Path, name: str, entry: Entry, found: dict[str, Any] | None) -> None:
        """Send a file unless it is there; `found` is what the store says of it."""
        if self._verify and found:
            self.read_back += 1
            if not holds(self.store, self.store.path(name), found, entry):
                self.mended.append(name)
                found = None
        if send(self.store, local, name, entry, found, self._meter.moved):
            self.files, self.size = self.files + 1, self.size + entry["size"]


def _send_round(
    sending: _Sending, folder: Path, manifest: bytes, files: dict[str, Entry]
) -> list[str]:
    """Send the files of a round; returns those that are damaged there and no longer here."""
    store, place = sending.store, place_of(round_number(folder), manifest)
    found = listing(store, place)
    for name, entry in files.items():
        sending.send(folder / name, f"{place}/{name}", entry, found.get(name))
    before = _listed_before(store, f"{place}/{LIST}")
    gone = {name: entry for name, entry in before.items() if name not in files}
    put(store, f"{place}/{LIST}", list_text({**gone, **files}, round=round_number(folder)))
    return [
        f"{place}/{name}"
        for name, entry in gone.items()
        if name not in found or not holds(store, store.path(f"{place}/{name}"), found[name], entry)
    ]


def _put_manifest(store: Store, run_dir: Path, here: Rounds, number: int) -> None:
    """The last file of a round. Raises MirrorConflict where another machine's is there."""
    there = put_new(store, f"rounds/{number:04d}/manifest.json", here[number])
    check_same(store, run_dir, {number: here[number]}, {number: there})


def _send_state(sending: _Sending, state: dict[str, tuple[Path, Entry]], after: int) -> None:
    """Send the files of the run itself, then their list; what only the list before named goes."""
    store = sending.store
    before = _listed_before(store, STATE)
    found = listing(store, "state")
    for name, (path, entry) in state.items():
        place = state_place(name, entry)
        sending.send(path, place, entry, found.get(place.removeprefix("state/")))
    files = {name: entry for name, (_, entry) in state.items()}
    put(store, STATE, list_text(files, after_round=after))
    kept = {state_place(name, entry) for name, entry in files.items()}
    for place in {state_place(name, entry) for name, entry in before.items()} - kept:
        with suppress(Exception):  # a store that lets nothing be removed keeps it
            store.files.rm_file(store.path(place))


def _listed_before(store: Store, name: str) -> dict[str, Entry]:
    """The files that a list at the mirror names, none where it has to be written anew."""
    try:
        return listed(store, name) or {}
    except MirrorDamaged:
        return {}
