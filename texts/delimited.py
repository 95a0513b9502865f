"""Tables written as text, with commas (.csv) or tabs (.tsv) between the fields."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from texts.json_lines import DAMAGED, NOT_UTF8, Line
from texts.packed import DamagedArchive, open_unpacked, unpacked

DELIMITERS = {".csv": ",", ".tsv": "\t"}

LONGEST_FIELD = 2**30
"""Characters of a field; Python's own limit, 131,072, is less than a long document."""


def is_delimited(name: Path) -> bool:
    """Whether a file is such a table by its name, packed or not."""
    return unpacked(name).suffix.lower() in DELIMITERS


def delimited_rows(path: Path, name: Path | None = None) -> Iterator[Line]:
    """The header, a list of names, and each row below it, texts by column, with the line that it
    ends on.

    `name` is what the file is called, where it lies under another name. A field may be quoted, and
    hold line ends then. What cannot be read is one faulty line, the last one.
    """
    delimiter = DELIMITERS[unpacked(name or path).suffix.lower()]
    csv.field_size_limit(LONGEST_FIELD)
    at = 1
    try:
        with io.TextIOWrapper(open_unpacked(path), encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter=delimiter, strict=True)
            names = list(reader.fieldnames or [])
            at = reader.line_num
            yield Line(at, names)
            for row in reader:
                at = reader.line_num
                if None in row:
                    yield Line(at, None, "more fields than the header has columns")
                    return
                yield Line(at, row)
    except DamagedArchive as error:
        yield Line(at + 1, None, f"{DAMAGED}: it {error}")
    except csv.Error as error:
        kind = "CSV" if delimiter == "," else "TSV"
        yield Line(reader.reader.line_num, None, f"not {kind} ({error})")
    except UnicodeDecodeError as error:
        yield Line(at + 1, None, f"{NOT_UTF8} ({error.reason})")
