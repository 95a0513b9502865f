"""Rows of JSON and of text tables as they were written: no text becomes a date."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from preferences.preference import RawRow
from preferences.turns import CHAT_AS_TEXT
from rounds.errors import UserError
from texts.delimited import delimited_rows, is_delimited
from texts.json_lines import holds_array, is_json, json_values
from texts.messages import text_fault

NUMBERS = re.compile(
    r"(?i)(?:^|_)(?:scores?|ratings?|grades?|labels?|votes?|helpfulness|preference|strength|choice)"
    r"(?:$|_)|^(?:(?:better|safer)_response_id|kto_tag)$"
)
"""Columns of a text table whose texts are numbers, or true and false, where they can be."""
NOTHING = ("", "nan", "null", "none")


def is_read_here(name: Path) -> bool:
    """Whether a file is JSON or a text table by its name, packed or not."""
    return is_json(name) or is_delimited(name)


def file_rows(path: Path, label: str, name: Path | None = None) -> Iterator[tuple[str, RawRow]]:
    """Each row with where it stands ("`label`, row 12"), one line in memory at a time.

    A row of JSON Lines or a text table has the number of its line, empty lines counted; one JSON
    array is read whole. `name` is what the file is called, where it lies under another name. Raises
    UserError for the first row that cannot be read, is no JSON object or names a key twice.
    """
    name = name or path
    if is_delimited(name):
        yield from _table_rows(path, label, name)
        return
    place = "row" if holds_array(path, name) else "line"
    for number, value, fault in json_values(path, name):
        where = f"{label}, {place} {number}"
        if fault:
            raise UserError(f"{where}: {fault}")
        yield f"{label}, row {number}", _row(value, where)


def _table_rows(path: Path, label: str, name: Path) -> Iterator[tuple[str, RawRow]]:
    names: list[str] = []
    for number, value, fault in delimited_rows(path, name):
        where = f"{label}, line {number}"
        if fault:
            raise UserError(f"{where}: {fault}")
        if isinstance(value, list):
            names = value
        elif twice := next((one for one in names if names.count(one) > 1), None):
            raise UserError(f"{label}: the column {twice!r} stands twice; rename or remove one")
        else:
            row = {column: _value(where, column, text) for column, text in value.items()}
            yield f"{label}, row {number}", _row(row, where)


def _value(where: str, column: str, text: str | None) -> Any:
    """What the field of a text table says: a text, a number, a list of messages, or nothing."""
    if text is None or not NUMBERS.search(column):
        return _messages(where, column, text) if text and CHAT_AS_TEXT.match(text) else text
    if text.strip().lower() in NOTHING:
        return None
    try:
        number = json.loads(text.strip().lower())
    except ValueError:
        return text
    return number if isinstance(number, int | float) else text


def _messages(where: str, column: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(
            f"{where}: {column} holds chat messages written as a text; expected a list of them in "
            "JSON, or JSON Lines or parquet"
        ) from error


def _row(value: Any, where: str) -> RawRow:
    if not isinstance(value, dict):
        raise UserError(f"{where}: not a JSON object")
    if fault := text_fault(json.dumps(value, ensure_ascii=False)):
        raise UserError(f"{where}: {fault}")
    return value
