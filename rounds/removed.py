"""What was removed of a run on purpose: removed.json beside run.yaml, written before anything goes.

    {"policies": [{"round": 2, "path": "rounds/0002/policy", "policy_id": ..., "bytes": ..., "at"}],
     "calls": [{"round": 1, "calls": 240, "at"}]}

The manifests still say what they said, the hash of the weights among it.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rounds.files import read_json, write_json

FILE = "removed.json"


def read_removed(run_dir: Path) -> dict[str, list[dict[str, Any]]]:
    """What was removed; nothing where the file is not there."""
    path = run_dir / FILE
    nothing: dict[str, list[dict[str, Any]]] = {"policies": [], "calls": []}
    return nothing | (read_json(path) if path.exists() else {})


def note_removed(run_dir: Path, what: str, entries: list[dict[str, Any]]) -> None:
    """Add to the file, once each."""
    removed = read_removed(run_dir)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    known = {(entry["round"], entry.get("path")) for entry in removed[what]}
    new = [entry for entry in entries if (entry["round"], entry.get("path")) not in known]
    removed[what] += [{**entry, "at": at} for entry in new]
    write_json(run_dir / FILE, removed)


def removed_weights(folder: Path) -> str | None:
    """A sentence about a policy's folder whose weights were removed; None for any other."""
    folder = folder.absolute()
    for run_dir in folder.parents[:4]:
        if (run_dir / FILE).exists():
            for entry in read_removed(run_dir)["policies"]:
                if run_dir / entry["path"] == folder:
                    return (
                        f"the weights of round {entry['round']} (policy {entry['policy_id']}) were "
                        f"removed by keep on {entry['at'][:10]}"
                    )
    return None


def removed_calls(folder: Path) -> str | None:
    """A sentence about a round whose calls were removed from the journal; None for any other."""
    number = int(folder.name)
    for entry in read_removed(folder.parent.parent)["calls"]:
        if entry["round"] == number:
            return (
                f"the {entry['calls']} calls of round {number} were removed from the journal by "
                f"keep.journal on {entry['at'][:10]}"
            )
    return None
