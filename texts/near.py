"""Near duplicates: texts whose sets of word n-grams have a Jaccard similarity over a threshold."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from texts.key_index import Block, compared, make_block, merged, runs
from texts.shingles import HASH_BITS, Hashes, Places, Sets, shingled, sizes


class NearMatch(NamedTuple):
    """The most similar text that was added: its place, in order of adding, and the similarity."""

    place: int
    jaccard: float


class NearDuplicates:
    """Texts in memory, asked for near duplicates of others. Exact: none over the threshold is lost.

    What is near a text of m n-grams shares at least threshold * m of them, so one at least of its
    m - threshold * m + 1 rarest; only texts that share such a one are compared. Holds 18 bytes an
    n-gram and 136 a text.
    """

    def __init__(self, threshold: float, ngram: int = 3) -> None:
        self.threshold = threshold
        self.ngram = ngram
        self._blocks: list[Block] = []

    def add(self, texts: Sequence[str]) -> None:
        """Add texts that later ones are compared with."""
        for sets in shingled(texts, self.ngram):
            rows = np.repeat(np.arange(len(sets.offsets) - 1), sizes(sets))
            self._blocks = merged(self._blocks, make_block(sets, _keys(sets), rows))

    def find(self, texts: Sequence[str]) -> list[NearMatch | None]:
        """For each text the most similar added one at or above the threshold, or None.

        The one added first where several are equally similar.
        """
        return [hit for sets in shingled(texts, self.ngram) for hit in self._best(sets)]

    def _best(self, sets: Sets) -> list[NearMatch | None]:
        best: list[NearMatch | None] = [None] * (len(sets.offsets) - 1)
        keys = _keys(sets)
        rows = np.repeat(np.arange(len(best)), sizes(sets))
        asking = make_block(sets, keys[:0], rows[:0])
        there = [runs(block, keys) for block in self._blocks]
        common = np.sum([counts for _, counts in there], axis=0, dtype=np.int64)
        rare = self._rarest(sets, rows, np.broadcast_to(common, len(keys)))
        before = 0
        for block, (first, counts) in zip(self._blocks, there, strict=True):
            asked = (first[rare], counts[rare], rows[rare])
            for found in compared(block, *asked, asking, self.threshold):
                order = np.lexsort((found.places, -found.jaccards, found.rows))
                row, top = np.unique(found.rows[order], return_index=True)
                for at, hit in zip(row.tolist(), order[top].tolist(), strict=True):
                    new = NearMatch(before + int(found.places[hit]), float(found.jaccards[hit]))
                    best[at] = min(best[at] or new, new, key=lambda each: (-each[1], each[0]))
            before += block.size
        return best

    def _rarest(self, sets: Sets, rows: Places, common: Places) -> Places:
        """The n-grams that have to be looked at: of each text the rarest, as many as it takes."""
        rank = np.arange(len(rows)) - sets.offsets[rows]
        order = np.argsort(rows << 32 | common)
        enough = sizes(sets) - np.ceil(self.threshold * sizes(sets) - 1e-6).astype(np.int64) + 1
        return order[rank < enough[rows]]


def _keys(sets: Sets) -> Hashes:
    return sets.hashes << np.uint64(64 - HASH_BITS)
