"""Which bytes a round wrote: size, time and hash of its tables and weights, noted before they have
their names.

A round under way keeps them in work/written.json, and each stage those that it wrote in its stamp.
So a file that is gone, cut off or changed by other hands is found, and one that a kill left as it
was before is not taken for such a file.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TypedDict

from rounds.files import read_json_if_whole, remove, write_json
from rounds.ids import file_hash


class Written(TypedDict):
    """A file as it was written: bytes, time of the last change, and the hash of its content."""

    size: int
    mtime_ns: int
    hash: str


class Noted(TypedDict):
    """A file of a round as it was last written; until it has its name, also as it stood `before`:
    one thing, None where it was not there.
    """

    now: Written
    before: list[Written | None]


def written(path: Path) -> Written:
    """A file as it is."""
    stat = path.stat()
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "hash": file_hash(path)}


def as_written(path: Path, noted: Written | None, thorough: bool = False) -> bool:
    """Whether a file is as it was written: by size and time, by content where these leave a doubt.

    `thorough` asks the content whatever they say. None is that there is no such file.
    """
    try:
        stat = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return noted is None
    if noted is None:
        return False
    if stat.st_size != noted["size"]:
        return False
    if stat.st_mtime_ns == noted["mtime_ns"] and not thorough:
        return True
    return file_hash(path) == noted["hash"]


_by_stage: ContextVar[dict[str, Written] | None] = ContextVar(
    "files that the running stage wrote", default=None
)


@contextmanager
def files_of_stage() -> Iterator[dict[str, Written]]:
    """What is noted in the block, by name."""
    files: dict[str, Written] = {}
    token = _by_stage.set(files)
    try:
        yield files
    finally:
        _by_stage.reset(token)


def note_written(folder: Path, files: Mapping[str, Path]) -> None:
    """Note what is about to get the names `files` in a round under way, from where it lies now.

    A folder that is no such round keeps no notes. `settle_written` is due when they have the names.
    """
    if not (folder / "work").is_dir():
        return
    ledger = read_written(folder)
    for name, temporary in files.items():
        known = ledger.get(name)
        stood = [known["now"], *known["before"]] if known else [None]
        before = [one for one in stood if as_written(folder / name, one)]
        ledger[name] = {"now": written(temporary), "before": before}
        if (by_stage := _by_stage.get()) is not None:
            by_stage[name] = ledger[name]["now"]
    write_json(_path(folder), ledger)


def note_folder(folder: Path, name: str, temporary: Path) -> None:
    """Note a folder that is about to get its name in a round under way, with all files in it."""
    files = _files_in(name, temporary)
    gone = [one for one in read_written(folder) if one.startswith(f"{name}/") and one not in files]
    forget_written(folder, *gone)
    note_written(folder, files)


def settle_written(folder: Path, name: str) -> None:
    """Note that a file, or all in a folder, has its name: how it stood before is right no more."""
    if ledger := read_written(folder):
        for one, noted in ledger.items():
            if one == name or one.startswith(f"{name}/"):
                noted["before"] = []
        write_json(_path(folder), ledger)


def forget_written(folder: Path, *names: str) -> None:
    """Note that these files are about to be no more."""
    ledger = read_written(folder)
    if left := {name: noted for name, noted in ledger.items() if name not in names}:
        if left != ledger:
            write_json(_path(folder), left)
    else:
        remove(_path(folder))


def read_written(folder: Path) -> dict[str, Noted]:
    """What a round under way has noted; nothing where its notes are gone or damaged."""
    ledger = read_json_if_whole(_path(folder))
    return ledger if isinstance(ledger, dict) else {}


def not_as_written(
    folder: Path, thorough: bool = False, hashes: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The files of a round under way that are not as it wrote them, and what is wrong with each.

    `hashes` are those of files whose content was just read.
    """
    wrong, ledger = dict[str, str](), read_written(folder)
    for name, noted in ledger.items():
        path = folder / name
        right = [noted["now"], *noted["before"]]
        if hashes and name in hashes:
            if hashes[name] in [one["hash"] for one in right if one]:
                continue
        elif any(as_written(path, one, thorough) for one in right):
            continue
        wrong[name] = "is not as it was written" if path.exists() else "is missing"
    for above in {name.partition("/")[0] for name in ledger if "/" in name}:
        for name in _files_in(above, folder / above).keys() - ledger.keys():
            wrong[name] = "was not written by the round"
    return wrong


def _files_in(name: str, where: Path) -> dict[str, Path]:
    """The files of a folder of this name, whose content lies at `where`."""
    paths = [path for path in where.rglob("*") if path.is_file()]
    return {f"{name}/{path.relative_to(where).as_posix()}": path for path in paths}


def _path(folder: Path) -> Path:
    return folder / "work" / "written.json"
