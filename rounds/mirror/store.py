"""Small files at an fsspec address, read and written whole; what fails there is tried again."""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from rounds.errors import UserError, WorkFailed

if TYPE_CHECKING:  # a config is read without it
    from fsspec import AbstractFileSystem

WAITS = (1.0, 5.0)
"""Seconds before the second and the third try."""

BUCKETS = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oci", "oss"}
"""Where there are no folders to be made."""

Result = TypeVar("Result")


class MirrorFailed(WorkFailed):
    """The mirror did not do what it was asked, three times."""


class MirrorDamaged(UserError):
    """What is at the mirror is not what was sent there."""


class Store(NamedTuple):
    """An address for the files of one run. Paths are relative to it; `address` is for messages."""

    files: "AbstractFileSystem"
    root: str
    address: str

    def path(self, name: str) -> str:
        """Where a file lies, as its file system says it."""
        return f"{self.root}/{name}" if name else self.root

    @property
    def fresh(self) -> "AbstractFileSystem":
        """The file system, having forgotten what it has listed: others write there as well."""
        self.files.invalidate_cache()
        return self.files

    @property
    def kinds(self) -> set[str]:
        """The protocols that the file system goes by."""
        named = self.files.protocol
        return {named} if isinstance(named, str) else set(named)


def tried(store: Store, what: str, work: Callable[[], Result]) -> Result:
    """What `work` returns, three times at most. Raises MirrorFailed with the last reason.

    That a file is not there is an answer and goes through as FileNotFoundError.
    """
    for wait in (*WAITS, None):
        try:
            return work()
        except (FileNotFoundError, MirrorDamaged):
            raise
        except Exception as error:  # every store has exceptions of its own
            if wait is None:
                reason = " ".join(str(error).split())[:300] or type(error).__name__
                raise MirrorFailed(f"mirror {store.address}: {what}: {reason}") from error
            time.sleep(wait)
    raise AssertionError("the last try returns or raises")


def read(store: Store, name: str) -> bytes | None:
    """The bytes of a file; None where there is none."""
    try:
        return tried(store, f"reading {name}", lambda: store.files.cat_file(store.path(name)))
    except FileNotFoundError:
        return None


def read_all(store: Store, names: Iterable[str]) -> dict[str, bytes]:
    """The bytes of those files that are there, asked for at once."""
    wanted = {store.files._strip_protocol(store.path(name)): name for name in names}

    def once() -> dict[str, bytes]:
        found = store.files.cat(list(wanted), on_error="return") if wanted else {}
        for answer in found.values():
            if isinstance(answer, Exception) and not isinstance(answer, FileNotFoundError):
                raise answer
        return {wanted[path]: data for path, data in found.items() if isinstance(data, bytes)}

    return tried(store, "reading manifests", once)


def names_in(store: Store, folder: str) -> list[str]:
    """The names directly below a folder, in order."""
    try:
        found = tried(
            store, f"listing {folder}", lambda: store.fresh.ls(store.path(folder), detail=False)
        )
    except FileNotFoundError:
        return []
    return sorted(str(path).rstrip("/").rpartition("/")[2] for path in found)


def listing(store: Store, folder: str) -> dict[str, dict[str, Any]]:
    """What the store says of every file below a folder, by its path relative to that."""
    top = str(store.files._strip_protocol(store.path(folder))).rstrip("/") + "/"
    try:
        found = tried(store, f"listing {folder}", lambda: store.fresh.find(top, detail=True))
    except FileNotFoundError:
        return {}
    return {path.removeprefix(top): info for path, info in found.items() if path.startswith(top)}


def put(store: Store, name: str, data: bytes) -> None:
    """Write a small file, whole or not at all; what stood there goes."""
    path = store.path(name)

    def once() -> None:
        make_room(store, path)
        if store.kinds & BUCKETS:
            store.files.pipe_file(path, data)
        else:
            store.files.pipe_file(f"{path}.tmp", data)
            store.files.mv(f"{path}.tmp", path)

    written(store, name, once)


def put_new(store: Store, name: str, data: bytes) -> bytes:
    """Write a small file unless there is one, and return what is there then.

    Of two machines that do so at once the store lets one through, where it can. A file that ends
    within `data` is one that a killed writer left, and is written over.
    """
    there = read(store, name)
    if there is not None and there != data and data.startswith(there):
        put(store, name, data)
    elif there is None:
        path = store.path(name)

        def once() -> None:
            make_room(store, path)
            try:
                if "file" in store.kinds:
                    with store.files.open(path, "xb") as file:
                        file.write(data)
                else:
                    store.files.pipe_file(path, data, mode="create")
            except Exception:  # another machine was faster: each store has its own way to say so
                if not store.fresh.exists(path):
                    raise

        written(store, name, once)
    there = read(store, name)
    if there is None:
        raise MirrorFailed(f"mirror {store.address}: {name} was written and is not there")
    return there


def written(store: Store, name: str, work: Callable[[], None]) -> None:
    """Do what writes a file; a missing bucket is a failure and no answer."""
    try:
        tried(store, f"writing {name}", work)
    except FileNotFoundError as error:
        reason = str(error) or "there is no such place"
        raise MirrorFailed(f"mirror {store.address}: writing {name}: {reason}") from error


def make_room(store: Store, path: str) -> None:
    """The folder of a file, where the store has folders."""
    if not store.kinds & BUCKETS:
        store.files.makedirs(path.rpartition("/")[0], exist_ok=True)
