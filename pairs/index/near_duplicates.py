"""The index of kept pairs over all rounds, for finding near duplicates; kept in the run folder.

    <folder>/0001.near, 0002.near, ...    one file for each finished round, never changed

A round under way reads the files of the rounds before it and writes its own at the end, under a
temporary name first. So a killed round leaves the index as it was, and adding a round costs what
that round costs.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pairs.index.bands import MINHASH, band_keys, bands_for
from pairs.index.parts import Part, parts, read_parts, write_parts
from texts.key_index import Block, compared, make_block, merged, part_of, runs
from texts.shingles import TEXTS_AT_ONCE, Hashes, Places, Sets, shingled, sizes

Texts = Callable[[int], Iterable[tuple[str, str]]]


class NearDuplicate(NamedTuple):
    """The most similar kept pair: its name, its round and the Jaccard of the two."""

    name: str
    round: int
    jaccard: float


class Asking(NamedTuple):
    """Texts that are looked up, and their keys: `rows` says whose each is."""

    block: Block
    keys: Hashes
    rows: Places


class PairIndex:
    """The kept pairs of `earlier` rounds and, as they come, those of round `number`.

    `texts_of(round)` gives the names and texts of an earlier round's pairs; it is called only for
    rounds whose file is missing or was written for other n-grams or bands.

    A pair at the threshold is found with a probability of 0.998, one above it with a higher one;
    every hit is the true Jaccard of the sets of word n-grams. For each text kept in this round
    memory holds 8 bytes an n-gram, 10 a band (23 of them at 0.7) and some 230 more, 1.7 kB at 150
    words. Earlier rounds are mapped files. A look-up costs the same whatever lies there, but where
    very many texts share half of their n-grams, as with one long template, each is compared with
    most of the others, some hundred thousand a second.
    """

    def __init__(
        self,
        folder: Path,
        number: int,
        earlier: list[int],
        texts_of: Texts,
        threshold: float,
        ngram: int,
    ) -> None:
        self.folder = folder
        self.number = number
        self.threshold = threshold
        self.ngram = ngram
        self._bands = bands_for(threshold)
        self._names: list[bytes] = []
        self._blocks: list[Block] = []
        self._earlier = [part for each in sorted(earlier) for part in self._read(each, texts_of)]

    def keep(self, names: list[str], texts: list[str]) -> list[NearDuplicate | None]:
        """For each text, in order, the most similar pair kept so far; one without is kept.

        Kept so far are the pairs of earlier rounds, of earlier calls and of this call. Among
        equally similar ones it is that of the earliest round, then of the first name. Some
        thousand texts a call are fastest.
        """
        hits: list[NearDuplicate | None] = []
        for sets in shingled(texts, self.ngram):
            hits += self._keep(names[len(hits) : len(hits) + len(sets.offsets) - 1], sets)
        return hits

    def write(self, kept: Collection[str]) -> None:
        """Write the file of this round, with these names only."""
        names = {name.encode() for name in kept}
        write_parts(self._path(self.number), self._facts(), self._names, self._blocks, names)

    def _keep(self, names: list[str], sets: Sets) -> list[NearDuplicate | None]:
        asking = self._asking(sets)
        best: list[NearDuplicate | None] = [None] * len(names)
        for part in [*self._earlier, *parts(self.number, self._names, self._blocks)]:
            first, counts = runs(part.block, asking.keys)
            for row, place, jaccard in self._hits(part.block, first, counts, asking):
                name = part.names[part.first + place].decode()
                best[row] = _better(best[row], NearDuplicate(name, part.round, jaccard))
        alone = np.array([hit is None for hit in best])
        for row, place, jaccard in self._among(asking, alone):
            if best[place] is None:  # all is known by now of the earlier of the two
                best[row] = _better(best[row], NearDuplicate(names[place], self.number, jaccard))
        kept = np.array([hit is None for hit in best])
        if kept.any():
            self._blocks = merged(self._blocks, part_of(asking.block, kept))
            self._names += [names[row].encode() for row in np.flatnonzero(kept)]
        return best

    def _among(self, asking: Asking, alone: NDArray[np.bool_]) -> list[tuple[int, int, float]]:
        """What each text finds among those before it in the batch that stand alone so far."""
        block = part_of(asking.block, alone)
        ahead: Places = np.cumsum(alone) - alone
        first, counts = runs(block, asking.keys, ahead[asking.rows])
        rows = np.flatnonzero(alone).tolist()
        hits = self._hits(block, first, counts, asking)
        return sorted((row, rows[place], jaccard) for row, place, jaccard in hits)

    def _hits(
        self, block: Block, first: Places, counts: Places, asking: Asking
    ) -> Iterator[tuple[int, int, float]]:
        for found in compared(block, first, counts, asking.rows, asking.block, self.threshold):
            yield from zip(*(each.tolist() for each in found), strict=True)

    def _asking(self, sets: Sets) -> Asking:
        keys = band_keys(sets, self._bands)
        rows = np.flatnonzero(sizes(sets))
        keys, rows = keys[rows].ravel(), np.repeat(rows, self._bands.bands)
        order = np.argsort(keys)
        return Asking(make_block(sets, keys, rows), keys[order], rows[order])

    def _read(self, number: int, texts_of: Texts) -> list[Part]:
        """The parts of an earlier round, whose file is written first if need be."""
        path, facts = self._path(number), self._facts()
        there = read_parts(path, facts, number)
        if there is None:
            names: list[bytes] = []
            blocks: list[Block] = []
            source = iter(texts_of(number))
            while some := list(islice(source, TEXTS_AT_ONCE)):
                names += [name.encode() for name, _ in some]
                for sets in shingled([text for _, text in some], self.ngram):
                    blocks = merged(blocks, self._asking(sets).block)
            write_parts(path, facts, names, blocks, set(names))
        return there or read_parts(path, facts, number) or []

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:04d}.near"

    def _facts(self) -> dict[str, Any]:
        bands = list(self._bands)
        return {"ngram": self.ngram, "bands": bands, "minhash": MINHASH, "format": 2}


def _better(hit: NearDuplicate | None, other: NearDuplicate) -> NearDuplicate:
    return min(hit or other, other, key=lambda each: (-each.jaccard, each.round, each.name))
