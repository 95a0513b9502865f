"""Lines of JSON as people write them: one reader, whoever asks.

A byte order mark is no part of the text. A key that stands twice in an object is a fault, for
nobody can tell which of the two is meant. NaN, as pandas writes what is missing, is null.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NOT_UTF8 = "not UTF-8 text"


class Line(NamedTuple):
    """A line that is not blank: its number, counted from 1, and its value, or what is wrong."""

    number: int
    value: Any
    fault: str | None = None


def json_lines(path: Path) -> Iterator[Line]:
    """The lines of a file, packed with gzip or not, one in memory at a time.

    Lines end with a line feed alone: U+2028 and its like may stand inside a JSON string. What
    cannot be unpacked is one faulty line, the last one.
    """
    number = 0
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        try:
            for number, raw in enumerate(file, start=1):
                if raw.removeprefix(BYTE_ORDER_MARK if number == 1 else b"").strip():
                    yield _line(number, raw)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            yield Line(number + 1, None, f"not whole gzip ({error})")


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
