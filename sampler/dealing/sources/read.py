"""The rows of a source that has so many prompts and no more."""

from collections.abc import Iterator
from itertools import islice

from rounds.errors import UserError
from sampler.dealing.sources.config import SourceConfig
from sampler.dealing.sources.dataset import dataset_values
from sampler.dealing.sources.files import READERS, file_values, find_file, kind_of, unit_of
from sampler.dealing.sources.rows import EXPECTED, EXPECTED_OF_TABLES, SourcePrompt, prompt_row
from sampler.dealing.sources.template import template_values

ROWS_LOOKED_AT = 1000
"""Of a source, for the names that are told; every row is looked at for those that are wrong."""


def source_rows(
    source: SourceConfig, key: str, unread: set[str] | None = None
) -> Iterator[SourcePrompt]:
    """The prompt rows of a source as it is read, repeated ones included; nothing is kept.

    `key` is the config key of the source; what nobody reads of it is added to `unread`. Raises
    UserError naming the file and line, the row, or the key that is wrong, and where there is no
    prompt at all.
    """
    names = set() if unread is None else unread
    path = find_file(source.file, key) if source.file is not None else None
    where, title = str(path or source.title), source.title
    if path is not None:
        values = file_values(path, source, key, names)
    elif source.dataset is not None:
        values = dataset_values(source, key, names)
    else:
        values = template_values(source, key)
    is_jsonl = path is not None and kind_of(path) not in READERS
    expected = EXPECTED if is_jsonl else EXPECTED_OF_TABLES
    unit = unit_of(path) if path is not None else "row"
    empty = True
    for number, value in values:
        empty = False
        place, origin = f"{where}, {unit} {number}", f"{title}:{number}"
        yield prompt_row(value, place, origin, source, expected, names)
    if empty:
        raise UserError(f"{key}: {where} holds no prompts; {expected} in each line or row")


def unread_columns(source: SourceConfig, key: str) -> list[str]:
    """The names beside the prompts of a source that nobody reads, as its first rows have them."""
    unread: set[str] = set()
    for _ in islice(source_rows(source, key, unread), ROWS_LOOKED_AT):
        pass
    return sorted(unread)
