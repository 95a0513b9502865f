"""Pairs that are there already, word for word: an index over all rounds, a file each.

    <folder>/0001.exact, ...    sorted 64-bit hashes of the pairs that a round kept, and their ids

A round looks only at the files of finished rounds before it, and writes its own at its end, so a
round that was killed leaves the index as it was.
"""

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pairs.index.segments import Array, TextsOfRound, read_segment, strings, write_segment

FACTS = {"format": 1}


class ExactDuplicate(NamedTuple):
    """A pair that is there already, and the round that kept it."""

    pair_id: str
    round: int

    @property
    def detail(self) -> str:
        """Which pair it is, in words."""
        return f"{self.pair_id} of round {self.round}"


class ExactIndex:
    """Which texts were there before. Earlier rounds are memory-mapped: 24 bytes a pair on disk.

    This round's are in memory, about 200 bytes a pair.
    """

    def __init__(
        self, folder: Path, number: int, earlier: Iterable[int], texts_of: TextsOfRound[str]
    ) -> None:
        self._folder, self._number = folder, number
        self._earlier = {done: self._read(done, texts_of) for done in earlier}
        self._own: dict[int, str] = {}

    def find(self, text: str) -> ExactDuplicate | None:
        """The pair with this text, of an earlier round or added in this one."""
        key = _key(text)
        for number, (keys, pair_ids) in self._earlier.items():
            place = int(np.searchsorted(keys, np.uint64(key)))
            if place < len(keys) and int(keys[place]) == key:
                return ExactDuplicate(pair_ids[place].decode(), number)
        return ExactDuplicate(self._own[key], self._number) if key in self._own else None

    def add(self, pair_id: str, text: str) -> None:
        """Add a text that was not there."""
        self._own[_key(text)] = pair_id

    def write(self, kept: Collection[str]) -> None:
        """Write this round's file, with the pairs that were kept in the end."""
        own = ((key, pair_id) for key, pair_id in self._own.items() if pair_id in kept)
        self._write(self._number, own)

    def _read(self, number: int, texts_of: TextsOfRound[str]) -> tuple[Array, Array]:
        """The hashes and ids of an earlier round, whose file is written first if need be."""
        arrays = read_segment(self._path(number), FACTS)
        if arrays is None:
            self._write(number, ((_key(text), pair_id) for pair_id, text in texts_of(number)))
            return self._read(number, texts_of)
        keys, pair_ids = arrays
        return keys, pair_ids

    def _write(self, number: int, entries: Iterable[tuple[int, str]]) -> None:
        rows = sorted(entries)
        keys = np.array([key for key, _ in rows], np.uint64)
        pair_ids = strings([pair_id.encode() for _, pair_id in rows])
        write_segment(self._path(number), FACTS, [keys, pair_ids])

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:04d}.exact"


def _key(text: str) -> int:
    encoded = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "big")
