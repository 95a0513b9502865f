"""Weights on the nodes of a cluster: where they lie already, or in a cache of the node that is
filled through Ray's object store, once a node.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rounds.weights import NOT_WEIGHTS

BLOCK = 64 * 2**20
"""Bytes of a file that are one object."""

Files = dict[str, list[Any]]
"""A folder of weights in the object store: the references of each file's blocks, by its name."""

_in_use: dict[str, int] = {}
"""Descriptors of the cached folders that this process holds, which nobody then removes."""


def cache() -> Path:
    """The node's folder of weights, one below it for each hash."""
    return Path(tempfile.gettempdir()) / f"prefloop-weights-{os.getuid()}"


def placed(folder: str, hashes: Mapping[str, str]) -> str | None:
    """Where the weights of a folder lie on this node: there, or in its cache by their hash; None
    where they do not.
    """
    if Path(folder).is_dir():
        return folder
    if folder not in hashes or not cache().is_dir():
        return None
    with _locked():
        return _held(cache() / hashes[folder])


async def take(name: str, files: Files) -> None:
    """Write weights of this hash into the node's cache, if another process has not; those that no
    process of the node uses go.
    """
    cache().mkdir(mode=0o700, exist_ok=True)
    with _locked():
        if _held(cache() / name) is not None:
            return
        _sweep()
        whole = cache() / f"{name}.part"
        whole.mkdir()
        for file_name, blocks in files.items():
            with (whole / file_name).open("wb") as file:
                for block in blocks:
                    file.write(await block)
        whole.rename(cache() / name)
        _held(cache() / name)


def put_files(folder: Path, put: Any) -> Files:
    """The files of a folder of weights in the object store; `put` is `ray.put`."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    return {
        path.name: [put(block) for block in _blocks(path)]
        for path in files
        if path.name not in NOT_WEIGHTS
    }


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block


@contextmanager
def _locked() -> Iterator[None]:
    lock = os.open(cache(), os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _held(path: Path) -> str | None:
    """The folder, which stays while this process lives; None where there is none."""
    if str(path) not in _in_use:
        if not path.is_dir():
            return None
        _in_use[str(path)] = os.open(path, os.O_RDONLY)
        fcntl.flock(_in_use[str(path)], fcntl.LOCK_SH)
    return str(path)


def _sweep() -> None:
    for path in cache().iterdir():
        folder = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path)
        except BlockingIOError:
            pass
        finally:
            os.close(folder)
