"""The index of kept pairs over all rounds, for finding near duplicates; kept in the run folder.

    <folder>/0001.near, 0002.near, ...    one file for each finished round, never changed

A round under way reads the files of the rounds before it and writes its own at the end, under a
temporary name first. So a killed round leaves the index as it was, and adding a round costs what
that round costs.
"""

from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pairs.index.bands import MINHASH, band_keys, bands_for
from pairs.index.compared import CHOSEN, QUESTION, REJECTED, compared_pairs, parts_of
from pairs.index.parts import RoundPart, mapped, read_parts, round_parts, write_parts
from pairs.index.segments import TextsOfRound
from pairs.pair import PairTexts
from texts.key_index import (
    KeyIndex,
    build_index,
    look_up,
    postings_of,
    similar_pairs,
    subset,
    with_merged,
)
from texts.overlap import ComparedTexts
from texts.shingles import TEXTS_AT_ONCE, set_sizes
from texts.word_hashes import Indices


class NearDuplicate(NamedTuple):
    """The most similar kept pair: its id, its round and the least Jaccard of their texts."""

    pair_id: str
    round: int
    jaccard: float

    @property
    def detail(self) -> str:
        """Which pair it is and how near, in words."""
        return f"Jaccard {self.jaccard:.3f} with {self.pair_id} of round {self.round}"


class NearIndex:
    """The kept pairs of `earlier` rounds and, as they come, those of round `number`.

    `texts_of(round)` is called only for rounds whose file is missing or was written for other
    n-grams or bands.

    A pair at the threshold is found with a probability of 0.998, one above it with a higher one;
    every hit is the true Jaccard of the sets of word n-grams. Each text kept in this round takes 8
    bytes an n-gram, 10 a band (23 of them at 0.7) and some 230 more, 1.7 kB at 150 words: of the
    last some ten thousand in memory, of the others, as of earlier rounds, in mapped files. A
    look-up costs the same whatever lies there, but where
    very many texts share half of their n-grams, as with one long template, each is compared with
    most of the others, some hundred thousand a second.
    """

    def __init__(
        self,
        folder: Path,
        number: int,
        earlier: list[int],
        texts_of: TextsOfRound[PairTexts],
        threshold: float,
        ngram: int,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.number = number
        self.threshold = threshold
        self.ngram = ngram
        self._bands = bands_for(threshold)
        self._pair_ids: list[bytes] = []
        self._indexes: list[KeyIndex] = []
        self._earlier = [part for done in sorted(earlier) for part in self._read(done, texts_of)]

    def keep(self, pair_ids: list[str], pairs: list[PairTexts]) -> list[NearDuplicate | None]:
        """For each pair, in order, the most similar one kept so far; one without is kept.

        Kept so far are the pairs of earlier rounds, of earlier calls and of this call. Among
        equally similar ones it is that of the earliest round, then of the first id. Some thousand
        pairs a call are fastest.
        """
        duplicates: list[NearDuplicate | None] = []
        for texts in compared_pairs(pairs, self.ngram):
            first = len(duplicates)
            duplicates += self._keep(pair_ids[first : first + len(texts.bitmaps)], texts)
        return duplicates

    def write(self, kept: Collection[str]) -> None:
        """Write the file of this round, with these pairs only."""
        encoded = {pair_id.encode() for pair_id in kept}
        path, facts = self._path(self.number), self._facts()
        write_parts(path, facts, self._pair_ids, self._indexes, encoded)

    def _keep(self, pair_ids: list[str], texts: ComparedTexts) -> list[NearDuplicate | None]:
        query = self._index_of(texts)
        keys, rows = postings_of(query)
        best: list[NearDuplicate | None] = [None] * len(pair_ids)
        for part in [*self._earlier, *round_parts(self.number, self._pair_ids, self._indexes)]:
            found = look_up(part.key_index, keys)
            for row, place, jaccard in self._similar(part.key_index, *found, rows, query):
                pair_id = part.pair_ids[part.first + place].decode()
                best[row] = _better(best[row], NearDuplicate(pair_id, part.round, jaccard))
        alone = _without(best)
        index = subset(query, alone)
        found = look_up(index, keys, (np.cumsum(alone) - alone)[rows])  # those before it alone
        row_of = np.flatnonzero(alone).tolist()
        similar = self._similar(index, *found, rows, query)
        for row, earlier, jaccard in sorted((row, row_of[at], each) for row, at, each in similar):
            if best[earlier] is None:  # all is known by now of the earlier of the two
                duplicate = NearDuplicate(pair_ids[earlier], self.number, jaccard)
                best[row] = _better(best[row], duplicate)
        kept = _without(best)
        if kept.any():
            *others, grown = with_merged(self._indexes, subset(index, kept[alone]))
            self._indexes = [*others, mapped(grown, self.folder)]
            self._pair_ids += [pair_ids[row].encode() for row in np.flatnonzero(kept)]
        return best

    def _similar(
        self, index: KeyIndex, first: Indices, counts: Indices, rows: Indices, query: KeyIndex
    ) -> Iterator[tuple[int, int, float]]:
        for similar in similar_pairs(index, first, counts, rows, query, self.threshold):
            yield from zip(*(column.tolist() for column in similar), strict=True)

    def _index_of(self, texts: ComparedTexts) -> KeyIndex:
        questions, answers = (parts_of(texts.sets, of) for of in ([QUESTION], [CHOSEN, REJECTED]))
        keys = band_keys([questions, answers], self._bands)
        rows = np.flatnonzero(set_sizes(texts.sets))
        return build_index(texts, keys[rows].ravel(), np.repeat(rows, self._bands.bands))

    def _read(self, number: int, texts_of: TextsOfRound[PairTexts]) -> list[RoundPart]:
        """The parts of an earlier round, whose file is written first if need be."""
        path, facts = self._path(number), self._facts()
        stored = read_parts(path, facts, number)
        if stored is None:
            pair_ids: list[bytes] = []
            indexes: list[KeyIndex] = []
            source = iter(texts_of(number))
            while batch := list(islice(source, TEXTS_AT_ONCE)):
                pair_ids += [pair_id.encode() for pair_id, _ in batch]
                for texts in compared_pairs((pair for _, pair in batch), self.ngram):
                    indexes = with_merged(indexes, self._index_of(texts))
            write_parts(path, facts, pair_ids, indexes, set(pair_ids))
        return stored or read_parts(path, facts, number) or []

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:04d}.near"

    def _facts(self) -> dict[str, Any]:
        bands = list(self._bands)
        return {"ngram": self.ngram, "bands": bands, "minhash": MINHASH, "format": 3}


def _without(best: list[NearDuplicate | None]) -> NDArray[np.bool_]:
    """Which pairs have no near duplicate."""
    return np.array([duplicate is None for duplicate in best])


def _better(best: NearDuplicate | None, other: NearDuplicate) -> NearDuplicate:
    return min(best or other, other, key=lambda near: (-near.jaccard, near.round, near.pair_id))
