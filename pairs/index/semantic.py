"""Pairs that say the same in other words, as an embedding of the user sees it.

<folder>/0001.semantic, 0002.semantic, ...    one file for each finished round, never changed
"""

from collections.abc import Callable, Collection, Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pairs.index.embedding import WHERE, Vectors, load_embedding
from pairs.index.segments import Array, read_segment, strings, write_segment
from rounds.errors import UserError

Texts = Callable[[int], Iterable[tuple[str, str]]]

TEXTS_AT_ONCE = 256
VECTORS_AT_ONCE = 2**14

ROUNDING = 1e-6
"""What the order of additions may make of a cosine."""


class SemanticDuplicate(NamedTuple):
    """The most similar kept pair: its name, its round and the cosine of the two."""

    name: str
    round: int
    cosine: float


class Part(NamedTuple):
    """Unit vectors of a round with their names."""

    round: int
    names: list[bytes] | Array
    vectors: Vectors


class SemanticIndex:
    """The kept pairs of `earlier` rounds and, as they come, those of round `number`.

    `embed` is the user's `module:function`; it takes a list of texts and returns a vector for each.
    `texts_of(round)` is asked for the pairs of earlier rounds whose file is missing or was written
    with a function of another name. Compares with every kept pair; memory holds four bytes a
    dimension for each text kept in this round, earlier rounds are mapped files.
    """

    def __init__(
        self,
        folder: Path,
        number: int,
        earlier: list[int],
        texts_of: Texts,
        embed: str,
        threshold: float,
    ) -> None:
        self.folder = folder
        self.number = number
        self.threshold = threshold
        self._embed = load_embedding(embed)
        self._facts = {"embed": embed, "format": 1}
        self._own: list[Part] = []
        self._earlier = [self._read(each, texts_of) for each in sorted(earlier)]

    def keep(self, names: list[str], texts: list[str]) -> list[SemanticDuplicate | None]:
        """For each text, in order, the most similar pair kept so far; one without is kept.

        Among equally similar ones it is that of the earliest round, then of the first name.
        """
        hits: list[SemanticDuplicate | None] = []
        for at in range(0, len(texts), TEXTS_AT_ONCE):
            some = slice(at, at + TEXTS_AT_ONCE)
            hits += self._keep([name.encode() for name in names[some]], texts[some])
        return hits

    def write(self, kept: Collection[str]) -> None:
        """Write the file of this round, with these names only."""
        wanted = {name.encode() for name in kept}
        self._write(self.number, self._own, wanted)

    def _keep(self, names: list[bytes], texts: list[str]) -> list[SemanticDuplicate | None]:
        vectors = self._embed(texts)
        best: list[SemanticDuplicate | None] = [None] * len(texts)
        for part in [*self._earlier, *self._own]:
            if not len(part.names):
                continue
            if part.vectors.shape[1] != vectors.shape[1]:
                raise UserError(
                    f"{WHERE}: vectors of {vectors.shape[1]} numbers, {part.vectors.shape[1]} in "
                    f"round {part.round}; remove {self.folder}/*.semantic to embed it again"
                )
            for at in range(0, len(part.names), VECTORS_AT_ONCE):
                some = slice(at, at + VECTORS_AT_ONCE)
                cosines = vectors @ part.vectors[some].T
                for row in np.flatnonzero(cosines.max(axis=1) >= self.threshold - ROUNDING):
                    hit = _most_similar(cosines[row], part.names[some], part.round)
                    best[row] = _better(best[row], hit)
        among = vectors @ vectors.T
        kept: list[int] = []
        for row, earlier in enumerate(best):
            near = among[row, kept]
            if near.size and near.max() >= self.threshold - ROUNDING:
                found = _most_similar(near, [names[place] for place in kept], self.number)
                best[row] = _better(earlier, found)
            elif earlier is None:
                kept.append(row)
        self._own.append(Part(self.number, [names[row] for row in kept], vectors[kept]))
        return best

    def _read(self, number: int, texts_of: Texts) -> Part:
        """An earlier round, whose file is written first if need be."""
        path = self._path(number)
        arrays = read_segment(path, self._facts)
        if arrays is None:
            source = iter(texts_of(number))
            built: list[Part] = []
            while some := list(islice(source, TEXTS_AT_ONCE)):
                names = [name.encode() for name, _ in some]
                built.append(Part(number, names, self._embed([text for _, text in some])))
            self._write(number, built, {name for part in built for name in part.names})
            return self._read(number, texts_of)
        vectors, names_there = arrays
        return Part(number, names_there, vectors)

    def _write(self, number: int, own: list[Part], kept: set[bytes]) -> None:
        names = [name for part in own for name in part.names]
        wanted = np.array([name in kept for name in names], bool)
        nothing = [np.zeros((0, 0), np.float32)]
        vectors = np.concatenate([part.vectors for part in own] or nothing)
        arrays = [vectors[wanted], strings([name for name in names if name in kept])]
        write_segment(self._path(number), self._facts, arrays)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:04d}.semantic"


def _most_similar(cosines: Vectors, names: list[bytes] | Array, number: int) -> SemanticDuplicate:
    most = cosines.max()
    equal = np.flatnonzero(cosines >= most - ROUNDING)
    return SemanticDuplicate(
        min(names[place].decode() for place in equal), number, min(1.0, float(most))
    )


def _better(hit: SemanticDuplicate | None, other: SemanticDuplicate) -> SemanticDuplicate:
    if hit is None or other.cosine > hit.cosine + ROUNDING:
        return other
    if other.cosine < hit.cosine - ROUNDING:
        return hit
    return min(hit, other, key=lambda each: (each.round, each.name))
