"""Which files of a folder or a hub dataset are its data: the library `datasets` decides that."""

import logging
from itertools import chain
from pathlib import Path
from typing import Any

from preferences.config import Data
from preferences.lines import is_read_here
from rounds.settings import locate
from texts.packed import unpacked

KINDS = (".jsonl", ".json", ".csv", ".tsv", ".parquet")
DATA = (*KINDS, ".arrow", ".jsonlines", ".ndjson")
NO_DATA = ("dataset_dict.json", "dataset_info.json", "dataset_infos.json", "state.json")
"""What `datasets` itself writes beside the files of a dataset."""
SHOWN = 5
"""Names of files in a message."""


def quiet_datasets() -> Any:
    """The library `datasets`, told to draw no progress bars, to report nothing to the hub and to
    print nothing of what it raises.
    """
    import datasets

    datasets.disable_progress_bars()
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False  # else each file read is counted on a server
    logging.getLogger("datasets").setLevel(logging.CRITICAL)
    return datasets


def left_out(data: str, config: str | None = None) -> str:
    """What is said of a local folder some data files of which go unread; "" for none.

    `datasets` takes the files of the kind that most are of, and those with names of its splits.
    Nothing is said where the folder's card says itself which files there are.
    """
    folder = locate(data)
    if config or not folder.is_dir() or _has_card(folder):
        return ""
    chosen = {Path(file).resolve() for file in chain(*_data_files(str(folder), None).values())}
    there = (path for path in folder.rglob("*") if unpacked(path).suffix.lower() in DATA)
    others = [path for path in there if path.resolve() not in chosen and path.name not in NO_DATA]
    if not others:
        return ""
    names = sorted(str(path.relative_to(folder)) for path in others)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (
        f"not read of {data}: {', '.join(names[:SHOWN])}{more}; name such a file itself to read it"
    )


def _has_card(folder: Path) -> bool:
    card = folder / "README.md"
    return card.is_file() and "configs:" in card.read_text(encoding="utf-8", errors="replace")


def _data_files(name: str, config: str | None) -> dict[str, list[str]]:
    """The files of each split of a folder or a hub dataset, as `datasets` takes them."""
    named = quiet_datasets().load_dataset_builder(name, config).config.data_files or {}
    return {str(split): [str(file) for file in some] for split, some in named.items()}


def files_read_here(name: str, source: Data) -> dict[str, list[str]]:
    """The same; none where one of them is not read here."""
    files = _data_files(name, source.config)
    ours = [
        is_read_here(Path(one)) and not one.startswith("http") for one in chain(*files.values())
    ]
    return files if all(ours) else {}
