"""Rows of a JSON Lines file or of a JSON array as they were written: no text becomes a date."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from preferences.preference import RawRow
from rounds.errors import UserError
from texts.json_lines import BYTE_ORDER_MARK, json_lines, parse_json
from texts.messages import text_fault


def is_json(path: Path) -> bool:
    """Whether a file is JSON by its name, packed with gzip or not."""
    return _unpacked(path).suffix in (".jsonl", ".json")


def json_rows(path: Path, name: str) -> Iterator[tuple[str, RawRow]]:
    """Each row with where it stands ("`name`, row 12"), one line in memory at a time.

    A row of JSON Lines has the number of its line, empty lines counted. A .json file may hold one
    array instead, which is read whole. Raises UserError for the first line that is no JSON object,
    names a key twice or is not UTF-8.
    """
    if _unpacked(path).suffix == ".json" and _opens_an_array(path):
        for number, row in enumerate(_array(path, name), start=1):
            yield f"{name}, row {number}", _row(row, f"{name}, row {number}")
        return
    for number, value, fault in json_lines(path):
        where = f"{name}, line {number}"
        if fault:
            raise UserError(f"{where}: {fault}")
        yield f"{name}, row {number}", _row(value, where)


def _unpacked(path: Path) -> Path:
    return path.with_suffix("") if path.suffix == ".gz" else path


def _open(path: Path) -> Any:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _opens_an_array(path: Path) -> bool:
    with _open(path) as file:
        for line in file:
            if text := line.removeprefix(BYTE_ORDER_MARK).strip():
                return bool(text.startswith(b"["))
    return False


def _array(path: Path, name: str) -> list[Any]:
    with _open(path) as file:
        try:
            values: list[Any] = parse_json(file.read())
        except ValueError as error:
            raise UserError(f"{name}: {error}") from error
    return values


def _row(value: Any, where: str) -> RawRow:
    if not isinstance(value, dict):
        raise UserError(f"{where}: not a JSON object")
    if fault := text_fault(json.dumps(value, ensure_ascii=False)):
        raise UserError(f"{where}: {fault}")
    return value
