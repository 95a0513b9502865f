"""The values of a Hugging Face dataset, through `datasets.load_dataset`."""

from pathlib import Path
from typing import Any

from preferences.data_files import quiet_datasets
from rounds.errors import UserError
from rounds.settings import require_plain
from sampler.dealing.sources.config import SourceConfig
from sampler.dealing.sources.files import Values, prompt_columns


def dataset_values(source: SourceConfig, key: str, unread: set[str]) -> Values:
    """The rows of a dataset's split, read from its memory-mapped files.

    Columns that nobody reads are added to `unread`. Raises UserError where there is no such
    dataset, configuration, split or column, or a file.
    """
    rows = _loaded(source, key)
    where = f"{key}.dataset: {source.dataset}"
    wanted = prompt_columns(where, rows.column_names, source)
    unread |= {*rows.column_names} - {*wanted, *source.ignore}
    number = 0
    for table in rows.select_columns(wanted).with_format("arrow").iter(4096):
        for value in table.to_pylist():
            number += 1
            yield number, value


def _loaded(source: SourceConfig, key: str) -> Any:
    if Path(str(source.dataset)).is_file():
        raise UserError(f"{key}.dataset: {source.dataset} is a file; name it under `file`")
    if Path(str(source.dataset)).is_dir():
        require_plain(f"{key}.dataset", Path(str(source.dataset)).resolve(), "the library datasets")
    split = source.split or "train"
    try:
        return quiet_datasets().load_dataset(str(source.dataset), source.config, split=split)
    except Exception as error:  # whatever the library, the hub or a file in it raises
        why = str(error.__cause__ or error).strip().splitlines()
        raise UserError(
            f"{key}.dataset: cannot load {source.dataset}, split {split} "
            f"({why[0] if why else type(error).__name__})"
        ) from error
