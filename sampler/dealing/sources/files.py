"""The values of a prompt file, one after the other, each with its place."""

import csv
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from rounds.errors import UserError
from rounds.settings import locate
from sampler.dealing.sources.rows import EXPECTED, JUDGE_COLUMNS
from texts.json_lines import NOT_UTF8, json_lines

Values = Iterator[tuple[int, Any]]
"""The line or row, counted from 1, and what stands there."""

LONGEST_FIELD = 2**30
"""Characters of a CSV field; Python's own limit, 131,072, is less than a long document."""


def file_values(path: Path, column: str | None, key: str) -> Values:
    """What stands in a file, by its ending; any but .parquet, .csv and .txt is JSONL.

    Holds one line, or some thousand rows of parquet, at a time. Raises UserError naming file and
    line, or `key` where it is the file as a whole.
    """
    read = READERS.get(path.suffix.lower())
    try:
        yield from _jsonl(path, key) if read is None else read(path, column)
    except UnicodeDecodeError as error:
        raise UserError(f"{key}: {path} is {NOT_UTF8} ({error.reason})") from error


def unit_of(path: Path) -> str:
    """What a message counts in a file: rows of a table, or lines of text."""
    return "row" if path.suffix.lower() == ".parquet" else "line"


def read_lines(reference: str, key: str) -> list[str]:
    """The lines of a text file that are not blank. Raises UserError naming `key` where none are."""
    path = find_file(reference, key)
    try:
        lines = [line for _, line in _text(path, None)]
    except UnicodeDecodeError as error:
        raise UserError(f"{key}: {path} is {NOT_UTF8} ({error.reason})") from error
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


def _jsonl(path: Path, key: str) -> Values:
    for number, value, fault in json_lines(path):
        if fault and fault.startswith(NOT_UTF8):
            raise UserError(f"{key}: {path} is {fault}")
        if fault:
            raise UserError(f"{path}, line {number}: {fault}; {EXPECTED}")
        yield number, value


def _text(path: Path, column: str | None) -> Values:
    if column is not None:
        raise UserError(f"{path}: a text file has no column {column!r}; leave `column` out")
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line.strip()


def _csv(path: Path, column: str | None) -> Values:
    csv.field_size_limit(LONGEST_FIELD)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            prompt_columns(str(path), list(reader.fieldnames or []), column)
            for row in reader:
                if None in row:
                    where = f"{path}, line {reader.line_num}"
                    raise UserError(f"{where}: more fields than the header has columns")
                tags = [tag.strip() for tag in (row.get("tags") or "").split(";") if tag.strip()]
                if any(tag.startswith("[") for tag in tags):
                    where = f"{path}, line {reader.line_num}"
                    raise UserError(f"{where}: tags is a list; expected words with ; between them")
                kept = {name: row.get(name) or None for name in JUDGE_COLUMNS}
                yield reader.line_num, {**row, **kept, "tags": tags}
        except csv.Error as error:
            where = f"{path}, line {reader.line_num}"
            raise UserError(f"{where}: not CSV ({error})") from error


def _parquet(path: Path, column: str | None) -> Values:
    try:
        file = pq.ParquetFile(path, pre_buffer=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is not parquet ({error})") from error
    with file:
        wanted = prompt_columns(str(path), file.schema_arrow.names, column)
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


def prompt_columns(where: str, names: list[str], column: str | None) -> list[str]:
    """The columns that are read of those that a table has: the prompt, and what stands beside it.

    Raises UserError where the prompt has no column, or one of them stands twice.
    """
    prompts = [column] if column else [name for name in ("prompt", "messages") if name in names][:1]
    if not prompts or prompts[0] not in names:
        missing = column or "prompt"
        raise UserError(
            f"{where}: no column {missing!r} (there are {', '.join(names)}); set `column`"
        )
    beside = [name for name in (*JUDGE_COLUMNS, "tags") if name in names and name != prompts[0]]
    if twice := [name for name in prompts + beside if names.count(name) > 1]:
        raise UserError(f"{where}: the column {twice[0]!r} stands twice; rename or remove one")
    return prompts + beside


READERS: dict[str, Callable[[Path, str | None], Values]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".txt": _text,
}
