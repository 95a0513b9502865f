"""The rows of a source that has so many prompts and no more."""

from collections.abc import Iterator

from rounds.errors import UserError
from sampler.dealing.sources.config import SourceConfig
from sampler.dealing.sources.dataset import dataset_values
from sampler.dealing.sources.files import READERS, file_values, find_file, unit_of
from sampler.dealing.sources.rows import EXPECTED, EXPECTED_OF_TABLES, SourcePrompt, prompt_row
from sampler.dealing.sources.template import template_values


def source_rows(source: SourceConfig, key: str) -> Iterator[SourcePrompt]:
    """The prompt rows of a source as it is read, repeated ones included; nothing is kept.

    `key` is the config key of the source. Raises UserError naming the file and line, the row, or
    the key that is wrong, and where there is no prompt at all.
    """
    path = find_file(source.file, key) if source.file is not None else None
    where, title = str(path or source.title), source.title
    if path is not None:
        values = file_values(path, source.column, key)
    elif source.dataset is not None:
        values = dataset_values(source, key)
    else:
        values = template_values(source, key)
    is_jsonl = path is not None and path.suffix.lower() not in READERS
    expected = EXPECTED if is_jsonl else EXPECTED_OF_TABLES
    unit = unit_of(path) if path is not None else "row"
    empty = True
    for number, value in values:
        empty = False
        yield prompt_row(value, f"{where}, {unit} {number}", f"{title}:{number}", source, expected)
    if empty:
        raise UserError(f"{key}: {where} holds no prompts; {expected} in each line or row")
