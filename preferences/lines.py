"""Rows of a JSON Lines file or of a JSON array as they were written: no text becomes a date."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from preferences.preference import RawRow
from rounds.errors import UserError
from texts.json_lines import BYTE_ORDER_MARK, Line, json_lines, parse_json
from texts.messages import text_fault


def is_json(path: Path) -> bool:
    """Whether a file is JSON by its name, packed with gzip or not."""
    return unpacked(path).suffix in (".jsonl", ".json")


def json_values(path: Path) -> Iterator[Line]:
    """The values of JSON Lines, or of a .json file's one array, each with its number in it."""
    if not holds_array(path):
        yield from json_lines(path)
        return
    try:
        values = _array(path)
    except ValueError as error:
        yield Line(1, None, str(error))
        return
    for number, value in enumerate(values, start=1):
        yield Line(number, value)


def holds_array(path: Path) -> bool:
    """Whether a file is one JSON array and no lines of JSON."""
    return unpacked(path).suffix == ".json" and _opens_an_array(path)


def unpacked(path: Path) -> Path:
    """The name of a file without the ending that gzip gave it."""
    return path.with_suffix("") if path.suffix == ".gz" else path


def json_rows(path: Path, name: str) -> Iterator[tuple[str, RawRow]]:
    """Each row with where it stands ("`name`, row 12"), one line in memory at a time.

    A row of JSON Lines has the number of its line, empty lines counted. A .json file may hold one
    array instead, which is read whole. Raises UserError for the first line that is no JSON object,
    names a key twice or is not UTF-8.
    """
    if holds_array(path):
        try:
            values = _array(path)
        except ValueError as error:
            raise UserError(f"{name}: {error}") from error
        for number, row in enumerate(values, start=1):
            yield f"{name}, row {number}", _row(row, f"{name}, row {number}")
        return
    for number, value, fault in json_lines(path):
        where = f"{name}, line {number}"
        if fault:
            raise UserError(f"{where}: {fault}")
        yield f"{name}, row {number}", _row(value, where)


def _open(path: Path) -> Any:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _opens_an_array(path: Path) -> bool:
    with _open(path) as file:
        for line in file:
            if text := line.removeprefix(BYTE_ORDER_MARK).strip():
                return bool(text.startswith(b"["))
    return False


def _array(path: Path) -> list[Any]:
    with _open(path) as file:
        values: list[Any] = parse_json(file.read())
    return values


def _row(value: Any, where: str) -> RawRow:
    if not isinstance(value, dict):
        raise UserError(f"{where}: not a JSON object")
    if fault := text_fault(json.dumps(value, ensure_ascii=False)):
        raise UserError(f"{where}: {fault}")
    return value
