"""Pairs that are there already, word for word: an index over all rounds, a file each.

    <folder>/0001.exact, ...    sorted 64-bit hashes of the pairs that a round kept, and their ids

A round looks only at the files of finished rounds before it, and writes its own at its end, so a
round that was killed leaves the index as it was.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pairs.index.segments import Array, read_segment, strings, write_segment

FACTS = {"format": 1}


class ExactDuplicate(NamedTuple):
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
        self._earlier = {done: self._read(done, texts_of) for done in earlier}
        self._ours: dict[int, str] = {}

    def find(self, text: str) -> ExactDuplicate | None:
        """The pair with this text, of an earlier round or added in this one."""
        key = _key(text)
        for number, (keys, names) in self._earlier.items():
            place = int(np.searchsorted(keys, np.uint64(key)))
            if place < len(keys) and int(keys[place]) == key:
                return ExactDuplicate(names[place].decode(), number)
        return ExactDuplicate(self._ours[key], self._number) if key in self._ours else None

    def add(self, name: str, text: str) -> None:
        """Add a text that was not there."""
        self._ours[_key(text)] = name

    def write(self, kept: Collection[str]) -> None:
        """Write this round's file, with the names that were kept in the end."""
        self._write(self._number, ((k, name) for k, name in self._ours.items() if name in kept))

    def _read(
        self, number: int, texts_of: Callable[[int], Iterable[tuple[str, str]]]
    ) -> tuple[Array, Array]:
        arrays = read_segment(self._path(number), FACTS)
        if arrays is None:
            self._write(number, ((_key(text), name) for name, text in texts_of(number)))
            return self._read(number, texts_of)
        keys, names = arrays
        return keys, names

    def _write(self, number: int, entries: Iterable[tuple[int, str]]) -> None:
        rows = sorted(entries)
        keys = np.array([key for key, _ in rows], np.uint64)
        write_segment(
            self._path(number), FACTS, [keys, strings([name.encode() for _, name in rows])]
        )

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:04d}.exact"


def _key(text: str) -> int:
    written = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(written, digest_size=8).digest(), "big")
