"""JSON that says whether anybody has changed it since it was written."""

import json
from pathlib import Path
from typing import Any

from rounds.files import json_text, read_json_if_whole, write_json
from rounds.ids import digest

SEAL = "seal"
"""The key under which the hash of all other keys stands."""


def write_sealed(path: Path, facts: dict[str, Any]) -> None:
    """Write JSON with a seal."""
    as_read = json.loads(json_text(facts))
    write_json(path, {**as_read, SEAL: digest(as_read)})


def seal_holds(facts: dict[str, Any]) -> bool:
    """Whether what was read is what was written; what has no seal, as older files, passes."""
    return facts.get(SEAL) in (
        None,
        digest({name: value for name, value in facts.items() if name != SEAL}),
    )


def read_whole(path: Path) -> dict[str, Any] | None:
    """A sealed file; None where it is missing, cut off, or changed by other hands."""
    facts = read_json_if_whole(path)
    return facts if isinstance(facts, dict) and seal_holds(facts) else None
