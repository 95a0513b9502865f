"""What the sections of the config share: their base, and what a path in one means."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from rounds.errors import UserError

SHIPPED = "prefloop:"
"""Begins a reference to a file that prefloop ships, as prefloop:starter/policy does."""

PACKAGES = Path(__file__).resolve().parent.parent
"""The folder that holds prefloop's packages."""


FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What a run, a source, a suite and a file of labels may be called: folders and files are."""
PATTERN = re.compile(r"[*?[]")


def require_plain(where: str, path: Path, reader: str) -> None:
    """Raise UserError for a path that `reader`, a library, takes for a pattern of several."""
    if found := PATTERN.search(str(path)):
        raise UserError(
            f"{where}: {reader} takes {found[0]} in {path} for a pattern; choose or make a folder "
            "without *, ? and ["
        )


class Section(BaseModel):
    """A typed part of the config tree: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def as_begun(tree: dict[str, Any], young: Iterable[str]) -> dict[str, Any]:
    """A dumped section for the key of a stage, without those of the keys `young` that are null.

    Keys are named by their path in it (`replay.last`). What was begun before a key was known is not
    done again for it.
    """
    for path in young:
        *above, last = path.split(".")
        here: Any = tree
        for name in above:
            here = here.get(name) if isinstance(here, dict) else None
        if isinstance(here, dict) and here.get(last, 0) is None:
            del here[last]
    return tree


def locate(reference: str) -> Path:
    """The path a config value means: a shipped file, or a path from the current folder.

    Raises ValueError for a reference to a shipped file that names none.
    """
    if not reference.startswith(SHIPPED):
        return Path(reference).expanduser()
    package, _, rest = reference.removeprefix(SHIPPED).partition("/")
    if not package:
        raise ValueError(f"{reference}: names no shipped file, as prefloop:starter/policy does")
    return PACKAGES / package / rest
