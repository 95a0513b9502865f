"""Files as they are, or packed with gzip, bzip2, xz or zstd: opened as what they hold."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

ARCHIVES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
"""What packed a file, by the ending that it gave it."""

_BEGINNINGS = {
    "gzip": b"\x1f\x8b",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\0",
    "zstd": b"\x28\xb5\x2f\xfd",
}


class DamagedArchive(ValueError):
    """A packed file that cannot be unpacked to its end."""


def unpacked(path: Path) -> Path:
    """The name of a file without the ending that packing gave it."""
    return path.with_suffix("") if path.suffix.lower() in ARCHIVES else path


def open_unpacked(path: Path) -> BinaryIO:
    """The bytes of a file, unpacked while they are read.

    What a file begins with says how it is packed. Reading raises DamagedArchive where an archive
    is cut off or damaged, or is none although its name says so.
    """
    with path.open("rb") as file:
        beginning = file.read(max(map(len, _BEGINNINGS.values())))
    found = (kind for kind, first in _BEGINNINGS.items() if beginning.startswith(first))
    named = ARCHIVES.get(path.suffix.lower())
    kind = next(found, None)
    if kind is None and named is not None and beginning:
        raise DamagedArchive(f"is named as if it were packed with {named}, and is not")
    if kind is None:
        return path.open("rb")
    return io.BufferedReader(_Unpacking(kind, path))


class _Unpacking(io.RawIOBase):
    """The stream of an archive, which raises one error, whatever unpacks it."""

    def __init__(self, kind: str, path: Path) -> None:
        self._kind = kind
        self._stream = _OPENERS[kind](path)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            raise DamagedArchive(f"is {self._kind} that is damaged or cut off ({error})") from error
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _zstd(path: Path) -> Any:
    from pyarrow import input_stream

    return input_stream(str(path), compression="zstd")


_OPENERS: dict[str, Callable[[Path], Any]] = {
    "gzip": gzip.open,
    "bzip2": bz2.open,
    "xz": lzma.open,
    "zstd": _zstd,
}
