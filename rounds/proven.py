"""The record of a run proven before anything rests on it: finished rounds, the policy in place.

What a finished round wrote is named by hash in its manifest. A hash that was taken once is believed
while size and time of the file are those of then; they are kept in the run folder's .proven.json,
which anybody may delete.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rounds.check_files import WANTED, check_hashes, check_policy, policy_is_here
from rounds.checks import Looked
from rounds.errors import UserError
from rounds.files import read_json_if_whole, write_json
from rounds.folder import (
    A_COPY,
    MANIFEST,
    finished_rounds,
    policy_history,
    policy_of,
    read_manifest,
    round_dir,
    round_number,
    run_of,
)
from rounds.ids import digest, file_hash
from rounds.lineage import ancestry
from rounds.rows import VERDICTS
from rounds.seal import SEAL, seal_holds
from rounds.tables import iter_rows
from rounds.weights import weights_hash

ANOTHER_RUN = "or begin a run under another name from the policy in place"
NEEDED = ("round", "policy", "initial", "in_place", "decision", "trained", "files")
"""What the next round reads of a manifest."""
MADE_AGAIN = (
    "or delete the round's manifest.json: then `prefloop run` makes the round again, and nothing "
    "that the journal answers is asked again"
)


def prove_run(run_dir: Path, thorough: bool = False) -> None:
    """Raise UserError for the first finished round that is not whole, or a policy in place that is
    not the one that was promoted. Seconds at most, but for what was never looked at.

    `thorough` reads every file to its end, whatever size and time say.
    """
    folders = finished_rounds(run_dir)
    for number in range(1, round_number(folders[-1]) if folders else 1):
        if (folder := round_dir(run_dir, number)) not in folders:
            what = folder / MANIFEST if folder.exists() else folder
            raise UserError(
                f"{what}: is not there, and round {round_number(folders[-1])} came after it: "
                f"its prompts and pairs would be taken for new; {A_COPY}, {ANOTHER_RUN}"
            )
    prove_rounds(folders, thorough)
    if folders:
        _prove_policy(run_dir, thorough)


def prove_rounds(folders: Iterable[Path], thorough: bool = False) -> None:
    """Raise UserError for the first of these finished rounds that is not as its manifest says."""
    for folder in folders:
        number, hashes, looked = round_number(folder), Hashes(run_of(folder), thorough), Looked()
        manifest = read_manifest(folder) or {}
        for name in NEEDED:
            if not isinstance(manifest.get(name), WANTED[name]):
                raise UserError(f"{folder / MANIFEST}: has no {name!r} that can be; {A_COPY}")
        if not seal_holds(manifest):
            raise UserError(
                f"{folder / MANIFEST}: was changed after round {number} was finished; {A_COPY}, or "
                f"take {SEAL!r} out of it if the change was meant"
            )
        check_hashes(looked, folder, manifest, hashes.of)
        for fault in looked.faults:
            last = folder == finished_rounds(run_of(folder))[-1]
            raise UserError(
                f"{folder / fault.table}: {fault.what} (round {number}); {A_COPY}, "
                f"{MADE_AGAIN if last else ANOTHER_RUN}. `prefloop verify {run_of(folder)}` looks "
                "for more"
            )
        hashes.keep()


def remember_hashes(folder: Path, files: dict[str, str]) -> None:
    """Note hashes of files of a round that were just taken."""
    hashes = Hashes(run_of(folder))
    for name, hashed in files.items():
        hashes.note(folder / name, hashed)
    hashes.keep()


def rests_on_journal(folder: Path) -> bool:
    """Whether a round under way has verdicts whose replies are in the journal."""
    with suppress(OSError, ValueError):  # a damaged table is made again
        return any(row["request_key"] for row in iter_rows(folder, VERDICTS, None, ["request_key"]))
    return True


class Hashes:
    """Hashes of files and of folders of weights, taken anew only where one may have changed."""

    def __init__(self, run_dir: Path, thorough: bool = False) -> None:
        self._run_dir, self._path, self._thorough = run_dir, run_dir / ".proven.json", thorough
        known = read_json_if_whole(self._path)
        self._known: dict[str, Any] = known if isinstance(known, dict) else {}
        self._changed = False

    def of(self, path: Path) -> str:
        """The hash of a file, or the weights' hash of a folder."""
        known = self._known.get(self._name(path))
        if not self._thorough and isinstance(known, list) and known[:1] == [_seen(path)]:
            return str(known[1])
        hashed = weights_hash(path) if path.is_dir() else file_hash(path)
        self.note(path, hashed)
        return hashed

    def note(self, path: Path, hashed: str) -> None:
        """A hash that was just taken."""
        self._known[self._name(path)] = [_seen(path), hashed]
        self._changed = True

    def keep(self) -> None:
        """Write down what was taken, where that can be written."""
        if self._changed:
            with suppress(OSError):
                write_json(self._path, self._known, durable=False)

    def _name(self, path: Path) -> str:
        inside = path.is_relative_to(self._run_dir)
        return str(path.relative_to(self._run_dir) if inside else path)


def _seen(path: Path) -> str:
    """What tells without reading whether a file, or one in a folder, has changed."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    stats = [(file.name, file.stat()) for file in files]
    return digest([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats])


def _prove_policy(run_dir: Path, thorough: bool) -> None:
    history = policy_history(run_dir)
    assert history is not None, "there is a finished round"
    facts, decisions = history["current"], history["history"]
    policy = policy_of(run_dir, facts)
    if policy.served is not None or policy.policy_id == history["initial"]["policy_id"]:
        return  # an endpoint's model, or the one that the config names, which is looked at there
    line = ancestry(run_dir, policy.policy_id)
    made = round_number(line[-1]) if line else 0
    way_out = f"{A_COPY}, {MADE_AGAIN}" if made == decisions[-1]["round"] else A_COPY
    looked, hashes = Looked(), Hashes(run_dir, thorough)
    if policy_is_here(policy):
        check_policy(looked, run_dir, "policy", facts, hashes.of)
    else:
        looked.fault(policy.adapter or policy.model, None, "is not there")
    for fault in looked.faults:
        raise UserError(
            f"{run_dir / fault.table}: {fault.what}, and the policy {_put(history, made)} is "
            f"{policy.policy_id}; {way_out}"
        )
    hashes.keep()


def _put(history: dict[str, Any], made: int) -> str:
    """Who put the policy in place."""
    own = history.get("by_hand", [])
    if own and own[-1]["policy"] == history["current"]:
        return f"that {own[-1]['by']} put in place"
    return f"that round {made} put in place"
