"""Rows of a file, a folder or a dataset on the hub, one after another.

JSON and text tables are read here, all else by `datasets`, whose readers turn texts into dates.
"""

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from preferences.config import Data
from preferences.data_files import DATA, KINDS, files_read_here, quiet_datasets
from preferences.lines import file_rows, is_read_here
from preferences.preference import RawRow
from rounds.errors import UserError
from rounds.settings import locate, require_plain
from texts.packed import ARCHIVES, unpacked

ROWS_AT_ONCE = 1000


class _File(NamedTuple):
    """A file that is read here, and what it is called: a download may lie under another name."""

    path: Path
    name: Path


def load_rows(source: Data, key: str) -> Iterator[tuple[str, RawRow]]:
    """Each row with where it stands ("prefs.jsonl, row 12"), read as a stream.

    `key` is the config key that named the source. Raises UserError where nothing is there or it
    cannot be read.
    """
    try:
        for label, split in _wanted_splits(source, key):
            if isinstance(split, _File):
                yield from file_rows(split.path, label, split.name)
                continue
            for number, row in enumerate(split, start=1):
                yield f"{label}, row {number}", row
    except UserError:
        raise
    except Exception as error:  # of whatever `datasets` reads with
        reason = (str(error) or type(error).__name__).splitlines()[0]
        what = "" if locate(source.data).exists() else "is nothing on this machine and "
        raise UserError(f"{key}: {source.data} {what}cannot be loaded ({reason})") from error


def _wanted_splits(source: Data, key: str) -> Iterator[tuple[str, Any]]:
    """The splits that are wanted, each with its name; a file that is read here as a `_File`."""
    path = locate(source.data)
    if path.is_file() and is_read_here(path) and not (source.config or source.split):
        yield str(path), _File(path, path)
        return
    datasets = quiet_datasets()
    load = datasets.load_dataset
    if path.is_file():
        if not is_read_here(path) and path.suffix != ".parquet":
            packed = f"packed, all but parquet: {', '.join(ARCHIVES)}"
            raise UserError(f"{key}: {path} is none of {', '.join(KINDS)} ({packed})")
        for wrong in ("config", "split"):
            if getattr(source, wrong):
                raise UserError(f"{key}.{wrong}: {path} is one file and has none")
        if path.stat().st_size:
            options = _streaming(path)
            file = glob.escape(str(path))
            yield str(path), load("parquet", data_files=file, split="train", **options)
        return
    local = path.is_dir()
    if local:
        require_plain(key, path.resolve(), "the library datasets")
    if not local and (unpacked(path).suffix in DATA or source.data.count("/") != 1):
        raise UserError(f"{key}: no such file {path.resolve()}, nor a folder or a dataset's id")
    name = str(path) if local else source.data
    # what is on the hub is downloaded once; what is here needs no second copy
    options = _streaming(path) if local else {}
    if files := files_read_here(name, source):
        wanted = [source.split] if source.split else _default_splits(list(files), source, key)
        for split in wanted:
            if split not in files:
                raise UserError(f"{key}.split: {source.data} has {', '.join(files)}, not {split}")
            for file in files[split]:
                place = Path(datasets.DownloadManager().download(file))
                yield _label(file, source), _File(place, Path(file))
        return
    if source.split:
        yield source.data, load(name, source.config, split=source.split, **options)
        return
    splits = datasets.get_dataset_split_names(name, source.config)
    for split in _default_splits(splits, source, key):
        label = source.data if len(splits) == 1 else f"{source.data} ({split})"
        yield label, load(name, source.config, split=split, **options)


def _streaming(path: Path) -> dict[str, Any]:
    """What makes `datasets` read a file or a folder as a stream, in memory that stays the same."""
    if path.suffix != ".parquet" and not any(path.glob("**/*.parquet")):
        return {"streaming": True}
    from pyarrow.dataset import ParquetFragmentScanOptions

    # by default all that was read of a file stays in memory, and row groups are read far ahead
    options = ParquetFragmentScanOptions(pre_buffer=False)
    return {"streaming": True, "batch_size": ROWS_AT_ONCE, "fragment_scan_options": options}


def _label(file: str, source: Data) -> str:
    """A data file as messages name it: where it was downloaded to says nothing."""
    return f"{source.data}/{file.split('@', 1)[1].partition('/')[2]}" if "://" in file else file


def _default_splits(splits: list[str], source: Data, key: str) -> list[str]:
    if "train" in splits or len(splits) == 1:
        return ["train"] if "train" in splits else splits
    if all(split.startswith("round_") for split in splits):
        return splits
    raise UserError(f"{key}: {source.data} has several splits ({', '.join(splits)}); name one")
