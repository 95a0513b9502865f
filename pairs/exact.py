"""Pairs that are there already, word for word: an index over all rounds, a file each.

    <folder>/0001.exact, ...    sorted 64-bit hashes of the pairs that a round kept, with their ids

A round looks only at the files of finished rounds before it, and writes its own at its end, so a
round that was killed leaves the index as it was.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rounds.files import write_atomically

ENTRY = np.dtype([("key", "<u8"), ("name", "S16")])


class Same(NamedTuple):
    """A pair that is there already, and the round that kept it."""

    name: str
    round: int


class ExactIndex:
    """Which texts were there before. Earlier rounds are memory-mapped: 24 bytes a pair on disk.

    This round's are in memory, about 200 bytes a pair.
    """

    def __init__(
        self,
        folder: Path,
        number: int,
        earlier: Iterable[int],
        texts_of: Callable[[int], Iterable[tuple[str, str]]],
    ) -> None:
        """`texts_of` gives (pair_id, text) of an earlier round whose file is missing."""
        self._folder, self._number = folder, number
        self._earlier: dict[int, np.ndarray] = {}
        for done in earlier:
            if not self._path(done).exists():
                self._write(done, ((_key(text), name) for name, text in texts_of(done)))
            self._earlier[done] = np.load(self._path(done), mmap_mode="r")
        self._ours: dict[int, str] = {}

    def keep(self, names: Sequence[str], texts: Sequence[str]) -> list[Same | None]:
        """For each text, in order, the pair that it repeats; one that repeats none is added."""
        found = []
        for name, text in zip(names, texts, strict=True):
            key = _key(text)
            same = self._before(key)
            if same is None and self._ours.setdefault(key, name) != name:
                same = Same(self._ours[key], self._number)
            found.append(same)
        return found

    def write(self, kept: Collection[str]) -> None:
        """Write this round's file, with the names that were kept in the end."""
        self._write(self._number, ((k, name) for k, name in self._ours.items() if name in kept))

    def _before(self, key: int) -> Same | None:
        for number, entries in self._earlier.items():
            place = int(np.searchsorted(entries["key"], np.uint64(key)))
            if place < len(entries) and int(entries["key"][place]) == key:
                return Same(entries["name"][place].decode(), number)
        return None

    def _write(self, number: int, entries: Iterable[tuple[int, str]]) -> None:
        rows = np.array([(key, name.encode()) for key, name in sorted(entries)], dtype=ENTRY)

        def save(temporary: Path) -> None:
            with temporary.open("wb") as file:
                np.save(file, rows)

        write_atomically(self._path(number), save)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:04d}.exact"


def _key(text: str) -> int:
    written = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(written, digest_size=8).digest(), "big")
