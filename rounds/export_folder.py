"""The folder of an export: what may be replaced, and that nobody meets half of one."""

import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from rounds.card import MARK
from rounds.errors import UserError

DATA = re.compile(r"data/round_\d{4,}\.parquet|train\.jsonl")
"""What an export writes beside its card."""

STAGING = ".prefloop-export"


def foreign(names: Collection[str], tags: Collection[str]) -> str | None:
    """The first of a data set's files that no export wrote, or None. `tags` are its card's."""
    written = (name for name in names if name == "README.md" or DATA.fullmatch(name))
    ours = set(written) if MARK in tags else set()
    return min(set(names) - ours, default=None)


@contextmanager
def filling(target: Path) -> Iterator[Path]:
    """An empty folder whose files are moved to `target` when the block went well, the card last.

    Raises UserError where `target` is no folder, cannot be written, or holds what no export wrote.
    """
    staging = target / STAGING
    made = not target.exists()
    if not made:
        _only_ours(target)
    try:
        shutil.rmtree(staging, ignore_errors=True)  # of an export that was killed
        staging.mkdir(parents=True)
        yield staging
        for name in set(_names(target)) - {"README.md"} - set(_names(staging)):
            (target / name).unlink()
        for name in sorted(_names(staging), key=lambda name: name == "README.md"):
            (target / name).parent.mkdir(exist_ok=True)
            (staging / name).replace(target / name)
    except OSError as error:
        raise UserError(f"{target}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if made and target.is_dir() and not any(target.iterdir()):
            target.rmdir()


def _only_ours(target: Path) -> None:
    if not target.is_dir():
        raise UserError(f"{target}: is a file; --to takes a folder")
    card = target / "README.md"
    tags = _tags(card.read_text(encoding="utf-8", errors="replace")) if card.exists() else []
    if (target / STAGING).is_dir():  # of an export that was killed, perhaps before its card came
        tags = [MARK]
    if other := foreign(_names(target), tags):
        raise UserError(
            f"{target}: holds {other}, which no export wrote; name a new or an empty folder"
        )


def _names(folder: Path) -> list[str]:
    """Every file below a folder but those of an export under way, relative to it."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    return sorted(path.as_posix() for path in files if path.parts[0] != STAGING)


def _tags(card: str) -> list[str]:
    """The tags in the front of a card."""
    found = re.match(r"---\n(.*?\n)---\n", card, re.DOTALL)
    try:
        front = yaml.safe_load(found[1]) if found else None
    except yaml.YAMLError:
        return []
    tags = front.get("tags") if isinstance(front, dict) else None
    return tags if isinstance(tags, list) else []
