"""The folder of an export: what may be replaced, and that nobody meets half of one."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from rounds.card import MARK
from rounds.errors import UserError
from rounds.files import read_json, write_json

CARD = "README.md"
DATA = re.compile(r"data/round_\d{4,}\.parquet|train\.jsonl")
"""What an export writes beside its card."""

Written = Callable[[Any], set[str]]
"""The files that were written, by the front of the card in place."""

STAGING = ".prefloop-export"
"""Holds `files`, of an export under way, and MOVING."""

MOVING = "moving.json"
"""Size and time of each file about to be moved out of staging: no card names it yet."""


def export_files(front: Any) -> set[str]:
    """The files an export wrote, by the front of the card in place: the card and what it names."""
    if not isinstance(front, dict) or MARK not in _list(front.get("tags")):
        return set()
    subsets = [subset for subset in _list(front.get("configs")) if isinstance(subset, dict)]
    files = [file for subset in subsets for file in _list(subset.get("data_files"))]
    paths = [str(file.get("path")) for file in files if isinstance(file, dict)]
    return {CARD, *filter(DATA.fullmatch, paths)}


@contextmanager
def staged(target: Path, written: Written = export_files, what: str = "export") -> Iterator[Path]:
    """An empty folder whose files are moved to `target` when the block went well, the card last.

    `written` names the files that a card's front says were written by such a `what`. Raises
    UserError where `target` is no folder, cannot be written, or holds anything else.
    """
    staging = target / STAGING
    files = staging / "files"
    try:
        made = not target.exists()
        if not made:
            _only_ours(target, written, what)
        moved = False
        try:
            shutil.rmtree(files, ignore_errors=True)  # of an export that was killed
            files.mkdir(parents=True)
            yield files
            _move(files, target, written, what)
            moved = True
        finally:
            half = not moved and (staging / MOVING).exists()
            shutil.rmtree(files if half else staging, ignore_errors=True)
            if made and target.is_dir() and not any(target.iterdir()):
                target.rmdir()
    except OSError as error:
        raise UserError(f"{target}: cannot be written ({error.strerror or error})") from error


def _move(files: Path, target: Path, written: Written, what: str) -> None:
    """Make `target` what `files` is. Cut off anywhere, the next export knows what is ours."""
    names = sorted(_names(files), key=lambda name: name == CARD)
    old = _only_ours(
        target, written, what
    )  # an export takes a while: what came meanwhile is not ours
    facts = {name: _facts(files / name) for name in names if name != CARD}
    write_json(target / STAGING / MOVING, _moving(target) | facts)
    for name in old - {CARD} - set(names):
        (target / name).unlink()
    for name in names:
        (target / name).parent.mkdir(exist_ok=True)
        (files / name).replace(target / name)


def _only_ours(target: Path, written: Written, what: str) -> set[str]:
    """The files of the `what` in `target`. Raises UserError where anything else is there."""
    if not target.is_dir():
        raise UserError(f"{target}: is a file; --to takes a folder")
    links = {name for name in _names(target, below_staging=True) if (target / name).is_symlink()}
    present = set(_names(target)) - links
    named = written(front_of(target / CARD)) if CARD in present else set()
    begun = _moving(target) if not links else {}
    ours = {name for name in present if name in named or begun.get(name) == _facts(target / name)}
    if other := min((present - ours) | links, default=None):
        raise UserError(
            f"{target}: holds {other}, which no {what} wrote; name a new or an empty folder"
        )
    return ours


def _names(folder: Path, below_staging: bool = False) -> list[str]:
    """Every file and link below a folder but those of an export under way, relative to it."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    files = (path.relative_to(folder) for path in paths)
    return sorted(path.as_posix() for path in files if below_staging or path.parts[0] != STAGING)


def _facts(path: Path) -> list[int]:
    """What a move keeps, and a file of the same name that somebody else wrote has not."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _moving(target: Path) -> dict[str, Any]:
    """What an export that was cut off had begun to move, with its facts."""
    try:
        moving = read_json(target / STAGING / MOVING)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return moving if isinstance(moving, dict) else {}


def front_of(card: Path) -> Any:
    """The front of a card, or None."""
    text = card.read_text(encoding="utf-8", errors="replace")
    front = re.match(r"---\n(.*?\n)---\n", text, re.DOTALL)
    try:
        return yaml.safe_load(front[1]) if front else None
    except yaml.YAMLError:
        return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
