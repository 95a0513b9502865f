"""Rows of a file, a folder or a dataset on the hub, one after another.

JSON is read here, all else by `datasets`, whose reader of JSON turns texts into dates.
"""

import logging
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from preferences.config import Data
from preferences.lines import is_json, json_rows
from rounds.errors import UserError
from rounds.settings import locate
from rounds.tables import Row

ROWS_AT_ONCE = 1000
KINDS = (".jsonl", ".json", ".parquet")


def load_rows(source: Data, key: str) -> Iterator[tuple[str, Row]]:
    """Each row with where it stands ("prefs.jsonl, row 12"), read as a stream.

    `key` is the config key that named the source. Raises UserError where nothing is there or it
    cannot be read.
    """
    try:
        for label, split in _opened(source, key):
            if isinstance(split, Path):
                yield from json_rows(split, label)
                continue
            for number, row in enumerate(split, start=1):
                yield f"{label}, row {number}", row
    except UserError:
        raise
    except Exception as error:  # of whatever `datasets` reads with
        reason = (str(error) or type(error).__name__).splitlines()[0]
        what = "" if locate(source.data).exists() else "is nothing on this machine and "
        raise UserError(f"{key}: {source.data} {what}cannot be loaded ({reason})") from error


def _opened(source: Data, key: str) -> Iterator[tuple[str, Any]]:
    """The splits that are wanted, each with its name; a file of JSON as its path."""
    path = locate(source.data)
    if path.is_file() and is_json(path) and not (source.config or source.split):
        yield str(path), path
        return
    from datasets import (
        DownloadManager,
        config,
        disable_progress_bars,
        get_dataset_split_names,
        load_dataset,
    )

    disable_progress_bars()
    config.HF_UPDATE_DOWNLOAD_COUNTS = False  # or each file read here is counted on a server
    logging.getLogger("datasets").setLevel(logging.CRITICAL)  # it prints what it raises

    if path.is_file():
        if not is_json(path) and path.suffix != ".parquet":
            raise UserError(f"{key}: {path} is none of {', '.join(KINDS)}")
        for wrong in ("config", "split"):
            if getattr(source, wrong):
                raise UserError(f"{key}.{wrong}: {path} is one file and has none")
        if path.stat().st_size:
            given = _streaming(path)
            yield str(path), load_dataset("parquet", data_files=str(path), split="train", **given)
        return
    local = path.is_dir()
    if not local and (path.suffix in KINDS or source.data.count("/") != 1):
        raise UserError(f"{key}: no such file {path.resolve()}, nor a folder or a dataset's id")
    name = str(path) if local else source.data
    # what is on the hub is downloaded once; what is here needs no second copy
    given = _streaming(path) if local else {}
    if files := _json_files(name, source):
        wanted = [source.split] if source.split else _default(list(files), source, key)
        for split in wanted:
            if split not in files:
                raise UserError(f"{key}.split: {source.data} has {', '.join(files)}, not {split}")
            for file in files[split]:
                yield _called(file, source), Path(DownloadManager().download(file))
        return
    if source.split:
        yield source.data, load_dataset(name, source.config, split=source.split, **given)
        return
    splits = get_dataset_split_names(name, source.config)
    for split in _default(splits, source, key):
        label = source.data if len(splits) == 1 else f"{source.data} ({split})"
        yield label, load_dataset(name, source.config, split=split, **given)


def _streaming(path: Path) -> dict[str, Any]:
    """What makes `datasets` read a file or a folder as a stream, in memory that stays the same."""
    if path.suffix != ".parquet" and not any(path.glob("**/*.parquet")):
        return {"streaming": True}
    from pyarrow.dataset import ParquetFragmentScanOptions

    # by default all that was read of a file stays in memory, and row groups are read far ahead
    options = ParquetFragmentScanOptions(pre_buffer=False)
    return {"streaming": True, "batch_size": ROWS_AT_ONCE, "fragment_scan_options": options}


def _json_files(name: str, source: Data) -> dict[str, list[str]]:
    """The files of each split of a folder or a hub dataset; none where one of them is not JSON."""
    from datasets import load_dataset_builder

    named = load_dataset_builder(name, source.config).config.data_files or {}
    files = {str(split): [str(file) for file in some] for split, some in named.items()}
    ours = [is_json(Path(file)) and not file.startswith("http") for file in chain(*files.values())]
    return files if all(ours) else {}


def _called(file: str, source: Data) -> str:
    """A data file as messages name it: where it was downloaded to says nothing."""
    return f"{source.data}/{file.split('@', 1)[1].partition('/')[2]}" if "://" in file else file


def _default(splits: list[str], source: Data, key: str) -> list[str]:
    if "train" in splits or len(splits) == 1:
        return ["train"] if "train" in splits else splits
    if all(split.startswith("round_") for split in splits):
        return splits
    raise UserError(f"{key}: {source.data} has several splits ({', '.join(splits)}); name one")
