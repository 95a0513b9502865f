"""Near duplicates: texts whose sets of word n-grams have a Jaccard similarity over a threshold."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from texts.key_index import KeyIndex, build_index, look_up, similar_pairs, with_merged
from texts.overlap import ComparedTexts, bitmaps
from texts.sentences import no_sentences
from texts.shingles import GRAM_BITS, NgramSets, ngram_sets, set_sizes
from texts.word_hashes import Hashes, Indices


class NearMatch(NamedTuple):
    """The most similar text that was added: its place, in order of adding, and the similarity."""

    place: int
    jaccard: float


class NearDuplicateFinder:
    """Texts in memory, asked for near duplicates of others. Exact: none over the threshold is lost.

    What is near a text of m n-grams shares at least threshold * m of them, so one at least of its
    m - threshold * m + 1 rarest; only texts that share such a one are compared. Holds 18 bytes an
    n-gram and 136 a text.
    """

    def __init__(self, threshold: float, ngram: int = 3) -> None:
        self.threshold = threshold
        self.ngram = ngram
        self._indexes: list[KeyIndex] = []

    def add(self, texts: Sequence[str]) -> None:
        """Add texts that later ones are compared with."""
        for sets in ngram_sets(texts, self.ngram):
            rows = np.repeat(np.arange(len(sets.offsets) - 1), set_sizes(sets))
            self._indexes = with_merged(
                self._indexes, build_index(_compared(sets), _keys(sets), rows)
            )

    def find(self, texts: Sequence[str]) -> list[NearMatch | None]:
        """For each text the most similar added one at or above the threshold, or None.

        The one added first where several are equally similar.
        """
        return [match for sets in ngram_sets(texts, self.ngram) for match in self._best(sets)]

    def _best(self, sets: NgramSets) -> list[NearMatch | None]:
        best: list[NearMatch | None] = [None] * (len(sets.offsets) - 1)
        keys = _keys(sets)
        rows = np.repeat(np.arange(len(best)), set_sizes(sets))
        query = build_index(_compared(sets), keys[:0], rows[:0])
        postings = [look_up(index, keys) for index in self._indexes]
        holders = np.sum([counts for _, counts in postings], axis=0, dtype=np.int64)
        rare = self._rarest(sets, rows, np.broadcast_to(holders, len(keys)))
        before = 0
        for index, (first, counts) in zip(self._indexes, postings, strict=True):
            of_rare = (first[rare], counts[rare], rows[rare])
            for similar in similar_pairs(index, *of_rare, query, self.threshold):
                order = np.lexsort((similar.places, -similar.jaccards, similar.rows))
                row, top = np.unique(similar.rows[order], return_index=True)
                for at, hit in zip(row.tolist(), order[top].tolist(), strict=True):
                    place, jaccard = int(similar.places[hit]), float(similar.jaccards[hit])
                    match = NearMatch(before + place, jaccard)
                    best[at] = min(best[at] or match, match, key=by_similarity)
            before += index.size
        return best

    def _rarest(self, sets: NgramSets, rows: Indices, holders: Indices) -> Indices:
        """The n-grams that have to be looked at: of each text the rarest, as many as it takes.

        `holders` says how many of the added texts have each.
        """
        rank = np.arange(len(rows)) - sets.offsets[rows]
        order = np.argsort(rows << 32 | holders)
        enough = (
            set_sizes(sets) - np.ceil(self.threshold * set_sizes(sets) - 1e-6).astype(np.int64) + 1
        )
        return order[rank < enough[rows]]


def by_similarity(match: NearMatch) -> tuple[float, int]:
    """A key that sorts the most similar first, and among equals the one added first."""
    return -match.jaccard, match.place


def _compared(sets: NgramSets) -> ComparedTexts:
    return ComparedTexts(sets, bitmaps(sets), no_sentences(len(sets.offsets) - 1))


def _keys(sets: NgramSets) -> Hashes:
    return sets.hashes << np.uint64(64 - GRAM_BITS)
