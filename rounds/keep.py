"""The `keep` section: which policies and calls of finished rounds stay on the disk.

The policy in place, the first one, what the round under way and LoRA adapters rest on, and what the
config names are never removed.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from rounds.files import read_json
from rounds.folder import (
    finished_rounds,
    next_round,
    policy_history,
    policy_of,
    read_manifest,
    round_number,
)
from rounds.lineage import accepted_policies, ancestry
from rounds.removed import note_removed, read_removed
from rounds.settings import Section

Kept = Literal["all"] | Annotated[int, Field(ge=0)]


class Keep(Section):
    """How much of finished rounds stays; tables, reports and hashes always do."""

    promoted: Kept = "all"
    """Policies that were promoted: the last so many, or all."""
    refused: Kept = "all"
    """Policies that were refused, or rolled back: the last so many, or all."""
    journal: Kept = "all"
    """Rounds whose calls stay in the journal, word for word: the last so many, or all."""


class Removal(NamedTuple):
    """A policy's folder that can go: of which round, how large, and which policy."""

    round: int
    folder: Path
    policy_id: str
    bytes: int
    promoted: bool


def removable(run_dir: Path, keep: Keep, config: Any = None) -> list[Removal]:
    """The policies that `keep` lets go, oldest first. `config` is the run's, as a tree."""
    needed = {path.resolve() for path in _needed(run_dir, config)}
    manifests = [(folder, read_manifest(folder) or {}) for folder in finished_rounds(run_dir)]
    trained = [(folder, facts) for folder, facts in manifests if facts.get("trained")]
    standing = _standing(run_dir)
    found = []
    for promoted, limit in ((True, keep.promoted), (False, keep.refused)):
        some = [pair for pair in trained if _stands(*pair, standing) is promoted]
        for folder, facts in some if limit == "all" else some[: max(0, len(some) - limit)]:
            path = folder / "policy"
            gone = limit == "all" and not _half_removed(run_dir, path)
            if path.is_dir() and not gone and path.resolve() not in needed:
                size = folder_bytes(path)
                policy_id = facts["trained"]["policy_id"]
                found.append(Removal(round_number(folder), path, policy_id, size, promoted))
    return sorted(found)


def remove(run_dir: Path, removals: list[Removal]) -> int:
    """Remove these policies, noted first; returns the bytes that were freed."""
    if removals:
        noted = [
            {
                "round": one.round,
                "path": str(one.folder.relative_to(run_dir)),
                "policy_id": one.policy_id,
                "bytes": one.bytes,
            }
            for one in removals
        ]
        note_removed(run_dir, "policies", noted)
    for one in removals:
        shutil.rmtree(one.folder)
    return sum(one.bytes for one in removals)


def rounds_without_calls(run_dir: Path, keep: Keep) -> list[Path]:
    """The finished rounds whose calls `keep` lets go, and that have them still."""
    if keep.journal == "all":
        return []
    finished = finished_rounds(run_dir)
    done = {entry["round"] for entry in read_removed(run_dir)["calls"]}
    old = finished[: max(0, len(finished) - keep.journal)]
    return [folder for folder in old if round_number(folder) not in done]


def folder_bytes(folder: Path) -> int:
    """Bytes of the files below a folder; of one that goes meanwhile what is there."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _standing(run_dir: Path) -> set[Path] | None:
    """Where people decided by hand, the rounds whose policies the one in place came from."""
    history = policy_history(run_dir)
    if history is None or "by_hand" not in history:
        return None
    return set(ancestry(run_dir, history["current"]["policy_id"]))


def _stands(folder: Path, facts: dict[str, Any], standing: set[Path] | None) -> bool:
    """Whether the policy of a round was promoted, and not rolled back."""
    promoted: bool = facts["decision"]["promoted"]
    return promoted if standing is None else folder in standing


def _half_removed(run_dir: Path, path: Path) -> bool:
    """Whether a kill came while a policy was being removed."""
    entries = read_removed(run_dir)["policies"]
    return any(run_dir / entry["path"] == path for entry in entries)


def _needed(run_dir: Path, config: Any) -> Iterator[Path]:
    """The folders of weights that something still rests on."""
    history = policy_history(run_dir)
    facts = [history["current"], history["initial"]] if history else []
    work = next_round(run_dir) / "work"
    for name, keys in (("start.json", ("policy", "initial")), ("trained.json", None)):
        if (work / name).exists():
            written = read_json(work / name)
            facts += [written[key] for key in keys] if keys else [written]
    policies = [policy_of(run_dir, one) for one in facts]
    trainer = config.get("trainer") if isinstance(config, dict) else None
    if history and trainer and trainer.get("reference") == "average":
        in_place, initial = policies[:2]
        policies += accepted_policies(run_dir, in_place, initial)
    for policy in policies:
        yield from (Path(path) for path in (policy.model, policy.adapter) if path)
    yield from _named(config)


def _named(value: Any) -> Iterator[Path]:
    """Every path in a config's tree that is there."""
    if isinstance(value, dict | list):
        for below in value.values() if isinstance(value, dict) else value:
            yield from _named(below)
    elif isinstance(value, str) and "/" in value and "\n" not in value and len(value) < 1000:
        path = Path(value).expanduser()
        if path.is_dir():
            yield path
