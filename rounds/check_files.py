"""A round's files as its manifest names them, and whether its tables can be read to their end."""

from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from rounds import schema
from rounds.checks import Looked
from rounds.files import read_json
from rounds.folder import MANIFEST, policy_of, round_number
from rounds.ids import file_hash, text_hash
from rounds.places import twice
from rounds.removed import removed_weights
from rounds.seal import seal_holds
from rounds.tables import iter_batches, table_path
from rounds.weights import Policy, policy_id_of, weights_hash

HashOf = Callable[[Path], str]
"""The hash of a file, or of a folder of weights."""

WANTED: dict[str, Any] = {
    **{"round": int, "seed": int, "policy": dict, "initial": dict, "in_place": dict},
    **{"decision": dict, "counts": dict, "config": dict, "files": dict, "rubrics": list},
    **{"trained": (dict, type(None)), "win_rates": dict},
}
"""What a manifest holds, and of which type."""

IDS: dict[str, tuple[str, ...]] = {
    "prompts": ("prompt_id",),
    "candidates": ("candidate_id",),
    "verdicts": ("verdict_id", "purpose"),
    "pairs": ("pair_id",),
    "dropped": ("pair_id",),
    "extra": ("pair_id", "origin"),
    "suites": ("candidate_id", "suite"),
}
"""The columns that name a row, the first of them alone in messages."""


def check_manifest(looked: Looked, folder: Path) -> None:
    """The manifest is JSON, has what a manifest has, and says what metrics.json says."""
    facts = read_json(folder / MANIFEST)
    for name in WANTED:
        looked.must(_has(facts, name), MANIFEST, name, "is missing or of another type")
    if looked.n_faults:
        return
    looked.must(seal_holds(facts), MANIFEST, None, "was changed after the round was finished")
    right = facts["round"] == round_number(folder)
    looked.must(right, MANIFEST, "round", f"is {facts['round']}")
    for rubric in facts["rubrics"]:
        right = text_hash(rubric["text"]) == rubric["hash"]
        looked.must(right, MANIFEST, rubric["name"], "is not the text that its hash names")
    metrics = read_json(folder / "metrics.json")
    for name, said in {"counts": facts["counts"], **facts["win_rates"]}.items():
        looked.must(metrics.get(name) == said, MANIFEST, name, "is not what metrics.json says")


def manifest_facts(folder: Path) -> dict[str, Any] | None:
    """The manifest of a round, or None where it is not what a manifest is."""
    try:
        facts: dict[str, Any] = read_json(folder / MANIFEST)
    except (OSError, ValueError, RecursionError):
        return None
    return facts if all(_has(facts, name) for name in WANTED) else None


def check_hashes(
    looked: Looked, folder: Path, facts: dict[str, Any], hash_of: HashOf = file_hash
) -> None:
    """Every file has the bytes that the manifest names, and no table lies there unnamed."""
    named = facts["files"]
    for name, hashed in named.items():
        path = folder / name
        if not path.exists():
            looked.must(False, name, None, "is named in the manifest and not there")
        else:
            looked.must(hash_of(path) == hashed, name, None, "has other bytes than were written")
    tables = [table_path(folder, table).name for table in (*schema.TABLES, *schema.OPTIONAL)]
    for name in tables:
        if name not in named and (folder / name).exists():
            looked.must(False, name, None, "is not named in the manifest")
    for table in schema.TABLES:
        if f"{table}.parquet" not in named:
            looked.must(False, f"{table}.parquet", None, "is not named in the manifest")


def check_tables(looked: Looked, folder: Path, facts: dict[str, Any]) -> None:
    """Every table can be read to its end, in its schema, and has the rows that are counted.

    Holds 64 bits of each row of one table in memory.
    """
    counts = facts["counts"]
    said = {"candidates": counts.get("candidates"), "verdicts": counts.get("verdicts")}
    said |= {"pairs": counts.get("pairs"), "dropped": sum(counts.get("dropped", {}).values())}
    for table in (*schema.TABLES, *schema.OPTIONAL):
        path, name = table_path(folder, table), f"{table}.parquet"
        if not path.exists():
            if table in schema.TABLES:
                looked.must(False, name, None, "is not there")
            continue
        try:
            n = _read_through(looked, path, table)
        except Exception as error:
            looked.fault(name, None, f"cannot be read: {' '.join(str(error).split())[:200]}")
            continue
        if table in said and n != said[table]:
            looked.fault(name, None, f"has {n} rows, the manifest counts {said[table]}")


def check_policy(
    looked: Looked,
    run_dir: Path,
    what: str,
    facts: dict[str, Any],
    hash_of: HashOf = weights_hash,
) -> None:
    """The weights of a policy of a manifest have the hash that is its id."""
    policy = policy_of(run_dir, facts)
    if policy.served is not None:
        looked.leave_out(f"{what}: an endpoint's model, whose weights are not here")
        return
    if why := next(filter(None, map(removed_weights, _folders(policy))), None):
        looked.leave_out(f"{what}: {why}")
        return
    if not policy_is_here(policy):
        looked.leave_out(f"{what}: no weights at {policy.adapter or policy.model}")
        return
    adapter = hash_of(Path(policy.adapter)) if policy.adapter else None
    found = policy_id_of(hash_of(Path(policy.model)), adapter)
    where, right = policy.adapter or policy.model, found == policy.policy_id
    looked.must(right, where, policy.policy_id, f"weights hash {found}")


def _folders(policy: Policy) -> list[Path]:
    return [Path(one) for one in (policy.model, policy.adapter) if one]


def policy_is_here(policy: Policy) -> bool:
    """Whether the weights of a policy lie on this machine."""
    return policy.served is None and all(folder.is_dir() for folder in _folders(policy))


def _has(facts: Any, name: str) -> bool:
    return isinstance(facts, dict) and isinstance(facts.get(name, ...), WANTED[name])


def _read_through(looked: Looked, path: Path, table: str) -> int:
    """Read a table to its end; the number of its rows, of its train rows where it has splits."""
    stored = pq.read_schema(path)
    for field in schema.arrow_schema(table):
        if field.name in stored.names and not stored.field(field.name).type.equals(field.type):
            looked.fault(path.name, None, f"column {field.name} is {stored.field(field.name).type}")
    unknown = sorted(set(stored.names) - set(schema.arrow_schema(table).names))
    looked.must(not unknown, path.name, None, f"has other columns: {', '.join(unknown)}")
    splits = "split" in stored.names
    columns = (*IDS[table], *(["split"] * splits))

    def rows() -> Iterator[tuple[str, ...]]:
        for batch in iter_batches(path, table, columns=columns):
            yield from zip(*(batch[column].to_pylist() for column in columns), strict=True)

    n, seen = 0, array("q")
    for batch in iter_batches(path, table):  # all columns, to the end
        values = [batch[column].to_pylist() for column in columns]
        for row in zip(*values, strict=True):
            n += not splits or row[-1] == "train"
            seen.append(hash(row))
    looked.n += len(seen)
    if alike := twice(np.array(seen)):
        known = set[tuple[str, ...]]()
        for row in rows():
            if hash(row) in alike and row in known:
                looked.fault(path.name, str(row[0]), "stands there twice")
            known |= {row} if hash(row) in alike else set()
    return n
