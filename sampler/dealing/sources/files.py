"""The values of a prompt file, one after the other, each with its place."""

from collections.abc import Callable, Iterator
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from preferences.asked import prompt_column
from rounds.errors import UserError
from rounds.settings import locate
from sampler.dealing.sources.columns import JUDGE_COLUMNS, looked_at
from sampler.dealing.sources.config import SourceConfig
from sampler.dealing.sources.rows import EXPECTED
from texts.delimited import delimited_rows
from texts.json_lines import DAMAGED, NOT_UTF8, holds_array, json_values
from texts.packed import DamagedArchive, open_unpacked, unpacked

Values = Iterator[tuple[int, Any]]
"""The line or row, counted from 1, and what stands there."""


def file_values(path: Path, source: SourceConfig, key: str, unread: set[str]) -> Values:
    """What stands in a file, by its ending; any but those of READERS is JSON, lines or an array.

    Holds one line, or some thousand rows of parquet, at a time; an array is read whole. Columns of
    a table that nobody reads are added to `unread`. Raises UserError naming file and line, or `key`
    where it is the file as a whole.
    """
    read = READERS.get(kind_of(path))
    try:
        yield from _json(path, key) if read is None else read(path, source, key, unread)
    except UnicodeDecodeError as error:
        raise UserError(f"{key}: {path} is {NOT_UTF8} ({error.reason})") from error
    except DamagedArchive as error:
        raise UserError(f"{key}: {path} is {DAMAGED}: it {error}") from error


def kind_of(path: Path) -> str:
    """The ending of a file's name, without what packing added."""
    return unpacked(path).suffix.lower()


def unit_of(path: Path) -> str:
    """What a message counts in a file: rows of a table or an array, or lines of text."""
    is_row = kind_of(path) == ".parquet" or (kind_of(path) not in READERS and holds_array(path))
    return "row" if is_row else "line"


def read_lines(reference: str, key: str) -> list[str]:
    """The lines of a text file that are not blank. Raises UserError naming `key` where none are."""
    path = find_file(reference, key)
    try:
        lines = [line for _, line in _lines(path)]
    except UnicodeDecodeError as error:
        raise UserError(f"{key}: {path} is {NOT_UTF8} ({error.reason})") from error
    except DamagedArchive as error:
        raise UserError(f"{key}: {path} is {DAMAGED}: it {error}") from error
    if not lines:
        raise UserError(f"{key}: {path} is empty; expected one value a line")
    return lines


def find_file(reference: str, key: str) -> Path:
    """The file that a config value means. Raises UserError naming `key` where there is none."""
    try:
        path = locate(reference)
        is_file = path.is_file()
    except (OSError, RuntimeError, ValueError):  # a text of any kind where a path is expected
        raise UserError(f"{key}: {reference[:60]!r} is no path of a file") from None
    if not is_file:
        if path.is_dir():
            raise UserError(f"{key}: {path.resolve()} is a folder; expected a file in it")
        raise UserError(f"{key}: no such file {path.resolve()}")
    return path


def _json(path: Path, key: str) -> Values:
    for number, value, fault in json_values(path):
        if fault:
            raise _fault(path, key, number, fault, f"; {EXPECTED}")
        yield number, value


def _fault(path: Path, key: str, number: int, fault: str, expected: str = "") -> UserError:
    if fault.startswith((NOT_UTF8, DAMAGED)):
        return UserError(f"{key}: {path} is {fault}")
    return UserError(f"{path}, {unit_of(path)} {number}: {fault}{expected}")


def _text(path: Path, source: SourceConfig, key: str, unread: set[str]) -> Values:
    if source.column is not None:
        raise UserError(f"{path}: a text file has no column {source.column!r}; leave `column` out")
    yield from _lines(path)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with TextIOWrapper(open_unpacked(path), encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line.strip()


def _delimited(path: Path, source: SourceConfig, key: str, unread: set[str]) -> Values:
    for number, row, fault in delimited_rows(path):
        where = f"{path}, line {number}"
        if fault:
            raise _fault(path, key, number, fault)
        if isinstance(row, list):
            prompt_columns(str(path), row, source)
            continue
        tags = [tag.strip() for tag in (row.get("tags") or "").split(";") if tag.strip()]
        if any(tag.startswith("[") for tag in tags):
            raise UserError(f"{where}: tags is a list; expected words with ; between them")
        kept = {name: row[name] or None for name in JUDGE_COLUMNS if name in row}
        listed = {"tags": tags} if "tags" in row else {}
        yield number, {**row, **kept, **listed}


def _parquet(path: Path, source: SourceConfig, key: str, unread: set[str]) -> Values:
    try:
        file = pq.ParquetFile(path, pre_buffer=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is not parquet ({error})") from error
    with file:
        names = file.schema_arrow.names
        wanted = prompt_columns(str(path), names, source)
        unread |= {*names} - {*wanted, *source.ignore}
        number = 0
        # one by one and not buffered: a reader keeps what it has read of all until its end
        groups = (file.iter_batches(4096, [at], wanted) for at in range(file.num_row_groups))
        batches = chain.from_iterable(groups)
        while True:
            try:
                batch = next(batches, None)
            except OSError as error:
                raise UserError(f"{path}: damaged after row {number} ({error})") from error
            if batch is None:
                break
            for value in batch.to_pylist():
                number += 1
                yield number, value


def prompt_columns(where: str, names: list[str], source: SourceConfig) -> list[str]:
    """The columns that are read or looked at of those that a table has.

    Raises UserError where the prompt has no column, or one of them stands twice.
    """
    there = [name for name in names if name not in source.ignore]
    try:
        prompt = source.column or prompt_column(dict.fromkeys(there, "there"))
        if prompt not in there:
            raise ValueError(
                f"no column {source.column or 'prompt'!r} (there are {', '.join(names)}); set "
                "`column`"
            )
        return looked_at(there, prompt)
    except ValueError as error:
        raise UserError(f"{where}: {error}") from error


READERS: dict[str, Callable[[Path, SourceConfig, str, set[str]], Values]] = {
    ".parquet": _parquet,
    ".csv": _delimited,
    ".tsv": _delimited,
    ".txt": _text,
}
