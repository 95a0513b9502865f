"""A run from its mirror: its rounds, the weights that the next one needs, and what else it goes on
with. A round is put in place whole, after all of its files were checked.
"""

import json
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from rounds.errors import UserError
from rounds.files import replace_folder
from rounds.folder import DECISIONS, by_people, in_run, next_round, round_dir
from rounds.ids import file_hash
from rounds.mirror.carried import JOURNAL, SCRATCH
from rounds.mirror.files import Entry, damaged, fetch
from rounds.mirror.meter import Meter
from rounds.mirror.store import Store
from rounds.mirror.there import (
    LIST,
    STATE,
    Rounds,
    check_same,
    listed,
    place_of,
    rounds_here,
    state_place,
)
from rounds.stages import Progress

FETCHING = "fetching"
"""In SCRATCH while a run is being fetched: what lies in its folder is a part of the mirror's."""

WEIGHTS = "policy/"
NOTE = "MB of the mirror"


def may_be_fetched(run_dir: Path) -> bool:
    """Whether nothing of an own run lies in a folder, so that a run can be fetched into it."""
    if (run_dir / SCRATCH / FETCHING).exists():
        return True
    begun = next_round(run_dir).exists() or (run_dir / JOURNAL).exists()
    return not begun and not rounds_here(run_dir)


def fetch_run(store: Store, run_dir: Path, there: Rounds, progress: Progress) -> list[int]:
    """Fetch a run whose rounds at the mirror are `there`; returns the rounds that were fetched.

    Of the weights only those of the policy in place and of a first policy of the run's own are
    fetched; `fetch_weights` has the others. A fetch that was killed goes on where it was. Raises
    MirrorDamaged for a file that is not what was sent, and MirrorConflict where a part of another
    run lies here.
    """
    scratch = run_dir / SCRATCH
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / FETCHING).touch()
    here = rounds_here(run_dir)
    check_same(store, run_dir, here, {number: there[number] for number in here.keys() & there})
    missing = [number for number in there if number not in here]
    state = listed(store, STATE) or {}
    needed = _rounds_needed(store, max(there), there)
    needed |= _rounds_by_hand(store, scratch, state, there[max(there)])
    wanted = {
        number: {
            name: entry
            for name, entry in _files_of(store, number, there).items()
            if number in needed or not name.startswith(WEIGHTS)
        }
        for number in missing
    }
    entries = [entry for files in (*wanted.values(), state) for entry in files.values()]
    meter = Meter(progress, entries, NOTE)
    for number, files in wanted.items():
        folder, place = scratch / f"{number:04d}", place_of(number, there[number])
        for name, entry in files.items():
            fetch(store, f"{place}/{name}", folder / name, entry, meter.moved)
        (folder / "manifest.json").write_bytes(there[number])
        (run_dir / "rounds").mkdir(exist_ok=True)
        replace_folder(folder, round_dir(run_dir, number))
    for name, entry in state.items():
        fetch(store, state_place(name, entry), scratch / "state" / name, entry, meter.moved)
    for name in state:
        (run_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (scratch / "state" / name).replace(run_dir / name)
    shutil.rmtree(scratch)
    return missing


def fetch_weights(
    store: Store, run_dir: Path, there: Rounds, numbers: Collection[int], progress: Progress
) -> list[int]:
    """Fetch the trained weights of these rounds, where they are not here; returns which were.

    Raises UserError for a round that the mirror has not, or has no weights of.
    """
    wanted = {}
    for number in numbers:
        if number not in there:
            raise UserError(f"mirror {store.address}: has no round {number}")
        files = _files_of(store, number, there)
        weights = {name: entry for name, entry in files.items() if name.startswith(WEIGHTS)}
        if not weights:
            raise UserError(f"mirror {store.address}: round {number} has no weights there")
        if not (round_dir(run_dir, number) / WEIGHTS).exists():
            wanted[number] = weights
    entries = [entry for files in wanted.values() for entry in files.values()]
    meter = Meter(progress, entries, NOTE)
    for number, files in wanted.items():
        scratch = run_dir / SCRATCH / f"{number:04d}"
        for name, entry in files.items():
            place = place_of(number, there[number])
            fetch(store, f"{place}/{name}", scratch / name, entry, meter.moved)
        replace_folder(scratch / WEIGHTS, round_dir(run_dir, number) / WEIGHTS)
    shutil.rmtree(run_dir / SCRATCH, ignore_errors=True)
    return list(wanted)


def _files_of(store: Store, number: int, there: Rounds) -> dict[str, Entry]:
    """The files of a round as its list names them."""
    name = f"{place_of(number, there[number])}/{LIST}"
    files = listed(store, name)
    if files is None:  # a manifest that was changed has another hash, and no list
        raise damaged(store, name, f"is not there, or rounds/{number:04d}/manifest.json is damaged")
    return files


def _rounds_needed(store: Store, number: int, there: Rounds) -> set[int]:
    """The rounds whose weights the round after `number` begins with."""
    try:
        facts = json.loads(there[number])
        return rounds_of([facts["in_place"], facts["initial"]])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise damaged(store, f"rounds/{number:04d}/manifest.json", "is no manifest") from None


def _rounds_by_hand(store: Store, scratch: Path, state: dict[str, Entry], last: bytes) -> set[int]:
    """The rounds whose weights people put in place after the `last` one, a manifest."""
    if DECISIONS not in state:
        return set()
    path, manifest = scratch / "state" / DECISIONS, scratch / "last.json"
    fetch(store, state_place(DECISIONS, state[DECISIONS]), path, state[DECISIONS], lambda _: None)
    manifest.write_bytes(last)
    hashed = file_hash(manifest)
    made = [one for one in by_people(path.parent) if one["manifest"] == hashed]
    return rounds_of([made[-1]["policy"]]) if made else set()


def rounds_of(policies: Iterable[dict[str, Any]]) -> set[int]:
    """The rounds whose folders hold the weights of these policies of manifests."""
    paths = [policy[part] for policy in policies for part in ("model", "adapter")]
    return {int(Path(path).parts[1]) for path in paths if in_run(path)}
