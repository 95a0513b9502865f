"""Writing so that a reader, or a crash, never meets half a file."""

import json
import math
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from rounds.fence import check_fence, token_of


def unwritable(folder: Path) -> str | None:
    """Why nothing can be written in a folder, there or still to be made; None where it can."""
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not nearest.is_dir():
        return f"{nearest} is a file, not a folder"
    try:
        with TemporaryFile(dir=nearest):
            return None
    except OSError as error:
        return f"{nearest}: {error.strerror}"


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary file beside `path`, renamed into place at the end of a block that went well.

    Raises LeaseLost where another process has taken over the run that `path` lies in.
    """
    check_fence(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # process ids are alike on two machines, tokens are not
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{token_of(path) or 0}.tmp")
    try:
        yield temporary
        check_fence(path)
        os.replace(temporary, path)
    except FileNotFoundError:
        check_fence(path)  # the new owner has removed it
        raise
    finally:
        temporary.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, if it is there. Raises as `atomic`."""
    check_fence(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it into place."""
    with atomic(path) as temporary:
        write(temporary)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def json_text(value: Any, indent: int | None = None) -> str:
    """The value as JSON that every parser takes: a number that is not finite is null in it."""
    return json.dumps(_finite(value), indent=indent, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(below) for name, below in value.items()}
    return [_finite(below) for below in value] if isinstance(value, list | tuple) else value


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, readable and with a stable key order."""
    write_text(path, json_text(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file. NaN and the infinities, which JSON does not have, are None."""
    return json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda _: None)


def replace_folder(temporary: Path, target: Path) -> None:
    """Rename a finished folder into place; what stood there goes. Raises as `atomic`."""
    check_fence(target)
    if target.exists():
        shutil.rmtree(target)
    os.rename(temporary, target)
