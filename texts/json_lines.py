"""Lines of JSON as people write them: one reader, whoever asks.

A byte order mark is no part of the text. A key that stands twice in an object is a fault, for
nobody can tell which of the two is meant. NaN, as pandas writes what is missing, is null.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from texts.packed import DamagedArchive, open_unpacked, unpacked

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NOT_UTF8 = "not UTF-8 text"
DAMAGED = "a damaged archive"
ENDINGS = (".jsonl", ".json", ".ndjson", ".jsonlines")


class Line(NamedTuple):
    """A line that is not blank: its number, counted from 1, and its value, or what is wrong."""

    number: int
    value: Any
    fault: str | None = None


def is_json(name: Path) -> bool:
    """Whether a file is JSON by its name, packed or not."""
    return unpacked(name).suffix.lower() in ENDINGS


def json_lines(path: Path) -> Iterator[Line]:
    """The lines of a file, packed or not, one in memory at a time.

    Lines end with a line feed alone: U+2028 and its like may stand inside a JSON string. What
    cannot be unpacked is one faulty line, the last one.
    """
    number = 0
    try:
        with open_unpacked(path) as file:
            for number, raw in enumerate(file, start=1):
                if raw.removeprefix(BYTE_ORDER_MARK if number == 1 else b"").strip():
                    yield _line(number, raw)
    except DamagedArchive as error:
        yield Line(number + 1, None, f"{DAMAGED}: it {error}")


def json_values(path: Path, name: Path | None = None) -> Iterator[Line]:
    """The values of JSON Lines, or of one array, each with its number in it.

    `name` is what the file is called, where it lies under another name.
    """
    if not holds_array(path, name):
        yield from json_lines(path)
        return
    try:
        with open_unpacked(path) as file:
            values = parse_json(file.read())
    except DamagedArchive as error:
        yield Line(1, None, f"{DAMAGED}: it {error}")
        return
    except ValueError as error:
        yield Line(1, None, str(error))
        return
    for number, value in enumerate(values, start=1):
        yield Line(number, value)


def holds_array(path: Path, name: Path | None = None) -> bool:
    """Whether a file is one JSON array and no lines of JSON.

    An array may be written over several lines whatever the file is called; on one line it is the
    file's where the name ends with .json and it is no list of chat messages, which is a value.
    """
    try:
        with open_unpacked(path) as file:
            lines = (line for line in file if line.removeprefix(BYTE_ORDER_MARK).strip())
            first, second = next(lines, b""), next(lines, None)
    except DamagedArchive:
        return False
    if not first.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"["):
        return False
    line = _line(1, first)
    if line.fault is not None or second is not None:
        return line.fault is not None
    is_chat = line.value and all(isinstance(one, dict) and "role" in one for one in line.value)
    return unpacked(name or path).suffix.lower() == ".json" and not is_chat


def parse_json(raw: bytes) -> Any:
    """The value of a JSON text. Raises ValueError saying what is wrong with it."""
    try:
        return json.loads(
            raw.decode("utf-8-sig"), object_pairs_hook=_each_key_once, parse_constant=_constant
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"{NOT_UTF8} ({error.reason})") from error
    except _KeyTwice:
        raise
    except (ValueError, RecursionError) as error:  # RecursionError: a line of brackets only
        raise ValueError(f"not JSON ({error})") from error


def _line(number: int, raw: bytes) -> Line:
    try:
        return Line(number, parse_json(raw))
    except ValueError as error:
        return Line(number, None, str(error))


class _KeyTwice(ValueError):
    """A key stands twice in one object."""


def _each_key_once(parts: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(parts)
    if len(value) < len(parts):
        names = [name for name, _ in parts]
        twice = next(name for name in names if names.count(name) > 1)
        raise _KeyTwice(f"the key {twice!a} is there twice")
    return value


def _constant(name: str) -> float | None:
    return None if name == "NaN" else float(name.replace("Infinity", "inf"))
