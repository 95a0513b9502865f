"""A file sent to a mirror and checked on arrival, or fetched and checked by its hash."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

from fsspec.callbacks import Callback

from rounds.mirror.store import MirrorDamaged, MirrorFailed, Store, make_room, tried, written

PART = 50 * 2**20
"""Bytes of a part of a large upload to S3 (s3fs): its ETag is made of the parts' hashes."""

BLOCK = 8 * 2**20
OTHER = "has other bytes than were sent"

Moved = Callable[[int], object]
"""Is told how many bytes more have been moved, or need not be."""


class Entry(TypedDict):
    """A file as it was on the machine that sent it; `sha256` has 64 hex digits."""

    size: int
    sha256: str


def entry_of(path: Path) -> Entry:
    """A file's size and hash."""
    with path.open("rb") as file:
        hashed = hashlib.file_digest(file, "sha256").hexdigest()
    return {"size": path.stat().st_size, "sha256": hashed}


def send(
    store: Store, local: Path, name: str, entry: Entry, found: dict[str, Any] | None, moved: Moved
) -> bool:
    """Send a file, unless what the store says it has (`found`) is that file; check it on arrival.

    Returns whether it was sent.
    """
    path = store.path(name)
    if found is not None and holds(store, path, found, entry, local):
        moved(entry["size"])
        return False

    def once() -> None:
        make_room(store, path)
        counted = Counted(moved)
        try:
            store.files.put_file(str(local), path, callback=counted)
            if not holds(store, path, store.fresh.info(path), entry, local):
                raise OSError("it did not arrive as it was sent")
        except BaseException:
            counted.take_back()
            raise
        moved(entry["size"] - counted.moved)

    written(store, name, once)
    return True


def fetch(store: Store, name: str, to: Path, entry: Entry, moved: Moved) -> None:
    """Fetch a file, unless it is there already. MirrorDamaged where it is another."""
    if to.exists() and entry_of(to) == entry:
        moved(entry["size"])
        return
    to.parent.mkdir(parents=True, exist_ok=True)

    def once() -> None:
        counted = Counted(moved)
        try:
            store.files.get_file(store.path(name), str(to), callback=counted)
            if entry_of(to) != entry:
                raise OSError(OTHER)
            with to.open("rb") as file:
                os.fsync(file.fileno())
        except BaseException:
            counted.take_back()
            to.unlink(missing_ok=True)
            raise
        moved(entry["size"] - counted.moved)

    try:
        tried(store, name, once)
    except FileNotFoundError:
        raise damaged(store, name, "is not there") from None
    except MirrorFailed as failure:
        if str(failure).endswith(OTHER):
            raise damaged(store, name, OTHER) from None
        raise


def damaged(store: Store, name: str, what: str) -> MirrorDamaged:
    """The error of a file that is not as it was sent, with the way out."""
    return MirrorDamaged(
        f"mirror {store.address}: {name} {what}; where the run's folder still is, `prefloop mirror "
        "RUN --verify` sends it again"
    )


def holds(
    store: Store, path: str, found: dict[str, Any], entry: Entry, local: Path | None = None
) -> bool:
    """Whether a file at the store is the one that `entry` describes.

    Its size, then the ETag that S3 gives, which is a hash of what arrived: one that is that of
    `local` proves it. Where the store gives none, or one that is made otherwise (by encryption with
    a key of its own), the file is read back.
    """
    if found.get("size") != entry["size"]:
        return False
    etag = str(found.get("ETag") or "").strip('"')
    if local is not None and etag and etag == etag_of(local, etag):
        return True
    total = hashlib.sha256()
    with store.files.open(path, "rb", block_size=BLOCK) as file:
        while block := file.read(BLOCK):
            total.update(block)
    return total.hexdigest() == entry["sha256"]


def etag_of(local: Path, like: str) -> str:
    """The ETag that S3 gives a file: its MD5, or, of an upload in parts, that of their MD5s."""
    with local.open("rb") as file:
        if "-" not in like:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        parts = []
        while part := file.read(PART):
            parts.append(hashlib.md5(part, usedforsecurity=False).digest())
    whole = hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest()
    return f"{whole}-{len(parts)}"


class Counted(Callback):
    """What fsspec tells while it moves a file, passed on in bytes."""

    def __init__(self, moved: Moved) -> None:
        super().__init__()
        self.moved = 0
        self._tell = moved

    def relative_update(self, inc: int = 1) -> None:
        """So many bytes more."""
        self.moved += inc
        self._tell(inc)

    def take_back(self) -> None:
        """What was moved was for nothing."""
        self._tell(-self.moved)
        self.moved = 0
