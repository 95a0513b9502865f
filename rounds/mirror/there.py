"""What a mirror has of a run.

    rounds/0003/manifest.json            as in the run folder, sent last: the round is there
    rounds/0003/3fa0.../mirror.json      the size and hash of every file of the round
    rounds/0003/3fa0.../pairs.parquet    the files; the folder is named by the manifest's hash
    state.json                           the size and hash of what else a run goes on with
    state/9c1b.../journal.sqlite         these files, each in a folder named by its own hash

So nothing that a manifest or state.json names is ever written over, whoever else is sending.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from rounds.errors import UserError
from rounds.folder import finished_rounds, round_number
from rounds.mirror.files import Entry, damaged
from rounds.mirror.store import Store, names_in, read, read_all

LIST = "mirror.json"
STATE = "state.json"
DIGITS = 16

Rounds = dict[int, bytes]
"""The manifests of finished rounds, word for word."""


class MirrorConflict(UserError):
    """The mirror has a round that this machine did not make: two went on from the same one."""


def rounds_there(store: Store) -> Rounds:
    """The manifests of the rounds that are wholly at the mirror, in order."""
    numbers = [name for name in names_in(store, "rounds") if name.isdigit()]
    found = read_all(store, [f"rounds/{name}/manifest.json" for name in numbers])
    return {int(name.split("/")[1]): found[name] for name in sorted(found)}


def rounds_here(run_dir: Path) -> Rounds:
    """The manifests of the rounds that are finished in the run folder."""
    return {
        round_number(folder): (folder / "manifest.json").read_bytes()
        for folder in finished_rounds(run_dir)
    }


def without_cut(there: Rounds, here: Rounds) -> Rounds:
    """The rounds at the mirror without one whose manifest is only the beginning of ours, as a
    writer leaves it that is killed where a file is not written at once.
    """
    return {
        number: manifest
        for number, manifest in there.items()
        if manifest == here.get(number) or not here.get(number, b"").startswith(manifest)
    }


def place_of(number: int, manifest: bytes) -> str:
    """Where the mirror has the files of a round."""
    return f"rounds/{number:04d}/{hashlib.sha256(manifest).hexdigest()[:DIGITS]}"


def state_place(name: str, entry: Entry) -> str:
    """Where the mirror has a file of the run itself."""
    return f"state/{entry['sha256'][:DIGITS]}/{name}"


def listed(store: Store, name: str) -> dict[str, Entry] | None:
    """The files that a list at the mirror names; None where there is no list.

    Raises MirrorDamaged where it is none.
    """
    data = read(store, name)
    if data is None:
        return None
    try:
        files: dict[str, Entry] = json.loads(data)["files"]
        right = all(
            isinstance(entry["size"], int)
            and len(entry["sha256"]) == 64
            and not Path(path).is_absolute()
            and ".." not in Path(path).parts
            for path, entry in files.items()
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        right = False
    if not right:
        raise damaged(store, name, "is no list of files")
    return files


def list_text(files: dict[str, Entry], **facts: Any) -> bytes:
    """A list of files as it is sent."""
    return (json.dumps({**facts, "files": files}, indent=2, sort_keys=True) + "\n").encode()


def check_same(store: Store, run_dir: Path, here: Rounds, there: Rounds) -> None:
    """Raise MirrorConflict unless the mirror's rounds are the first ones of those that are here."""
    for number in sorted(here.keys() & there.keys()):
        if here[number] != there[number]:
            raise MirrorConflict(
                f"mirror {store.address}: round {number} there ({_told(there[number])}) is another "
                f"one than in {run_dir} ({_told(here[number])}): two machines went on. Neither is "
                "written over; to go on from the mirror's, move this folder away and run again; to "
                "go on from this one, give `mirror` another address"
            )
    if ahead := sorted(there.keys() - here.keys()):
        rounds = ", ".join(map(str, ahead))
        raise MirrorConflict(
            f"mirror {store.address}: has of this run what {run_dir} has not (round {rounds}): "
            "another machine went on. Go on there, or move this folder away and run again: the run "
            "is then fetched whole"
        )


def _told(manifest: bytes) -> str:
    """A manifest in a few words."""
    try:
        facts = json.loads(manifest)
        return f"finished {facts['finished']}, policy in place {facts['in_place']['policy_id']}"
    except (ValueError, KeyError, TypeError):
        return "its manifest cannot be read"
