"""Rows of a JSON Lines file or of a JSON array as they were written: no text becomes a date."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rounds.errors import UserError
from rounds.tables import Row
from texts.messages import text_fault


def is_json(path: Path) -> bool:
    """Whether a file is JSON by its name, packed with gzip or not."""
    inner = path.with_suffix("") if path.suffix == ".gz" else path
    return inner.suffix in (".jsonl", ".json")


def json_rows(path: Path, name: str) -> Iterator[tuple[str, Row]]:
    """Each row with where it stands ("`name`, row 12"), one line in memory at a time.

    A row of JSON Lines has the number of its line, empty lines counted. A .json file may hold one
    array instead, which is read whole. Raises UserError for the first line that is no JSON object,
    names a key twice or is not UTF-8.
    """
    inner = path.with_suffix("") if path.suffix == ".gz" else path
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        if inner.suffix == ".json" and _opens_an_array(file):
            for number, row in enumerate(_value(file.read(), name), start=1):
                yield f"{name}, row {number}", _row(row, f"{name}, row {number}")
            return
        file.seek(0)
        for number, line in enumerate(file, start=1):
            where = f"{name}, line {number}"
            if line.strip() and (number > 1 or line.strip() != b"\xef\xbb\xbf"):
                yield f"{name}, row {number}", _row(_value(line, where), where)


def _opens_an_array(file: Any) -> bool:
    for line in file:
        if line := line.removeprefix(b"\xef\xbb\xbf").strip():
            file.seek(0)
            return bool(line.startswith(b"["))
    return False


def _value(read: bytes, where: str) -> Any:
    try:
        return json.loads(read.decode("utf-8-sig"), object_pairs_hook=_once)
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: not UTF-8 text ({error.reason})") from error
    except _Twice as error:
        raise UserError(f"{where}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON ({error})") from error


class _Twice(Exception):
    """A key that an object has twice: which of the two is meant, nobody can tell."""


def _once(parts: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(parts)
    if len(made) < len(parts):
        names = [name for name, _ in parts]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Twice(f"the key {twice!a} is there twice")
    return made


def _row(value: Any, where: str) -> Row:
    if not isinstance(value, dict):
        raise UserError(f"{where}: not a JSON object")
    if fault := text_fault(json.dumps(value, ensure_ascii=False)):
        raise UserError(f"{where}: {fault}")
    return value
