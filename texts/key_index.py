"""An index of some thousand texts that tells which of them share a key with another text.

A key is a 64-bit hash of anything that near duplicates are likely to share. Its upper 40 bits and
the place of the text stand in one number, and all these numbers in one sorted array: a look-up is a
binary search, in memory or in a mapped file, after a Bloom filter of one word a key (Putze, Sanders
and Singler 2007) has told nearly all that are not there. Keys that agree in 40 bits by chance are
no harm, for every pair found is then compared in full.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from texts.overlap import ComparedTexts, jaccards, slices, together
from texts.shingles import run_starts
from texts.word_hashes import Hashes, Indices

PLACE_BITS = 24
PLACE_MASK = np.uint64(2**PLACE_BITS - 1)

MAX_TEXTS = 2**16
"""Texts in an index, so that merging two holds little memory."""

POSTINGS_AT_ONCE = 2**21

KEYS_PER_WORD = 8
"""So many at most, half as many at least, share a word of 64 bits in the Bloom filter."""


class KeyIndex(NamedTuple):
    """The sorted keys with places, the Bloom filter of the keys, and the texts."""

    postings: Hashes
    bloom: Hashes
    texts: ComparedTexts

    @property
    def size(self) -> int:
        """How many texts it holds."""
        return len(self.texts.bitmaps)


class SimilarPairs(NamedTuple):
    """Pairs over the threshold: the row that was looked up, the place in the index, the Jaccard."""

    rows: Indices
    places: Indices
    jaccards: NDArray[np.float64]


def build_index(texts: ComparedTexts, keys: Hashes, rows: Indices) -> KeyIndex:
    """An index of these texts; `rows` says whose key each is."""
    postings = np.sort(keys & ~PLACE_MASK | rows.astype(np.uint64))
    return KeyIndex(postings, _bloom_filter(postings), texts)


def postings_of(index: KeyIndex) -> tuple[Hashes, Indices]:
    """The keys of its texts, in order, as far as look-ups regard them, and whose each is."""
    return index.postings & ~PLACE_MASK, (index.postings & PLACE_MASK).astype(np.int64)


def with_merged(indexes: list[KeyIndex], added: KeyIndex) -> list[KeyIndex]:
    """The indexes and one more, in few of them: neighbours of like size become one."""
    first, size = len(indexes), added.size
    while first and indexes[first - 1].size <= min(2 * size, MAX_TEXTS - size):
        first -= 1
        size += indexes[first].size
    return [*indexes[:first], _merged([*indexes[first:], added])]


def subset(index: KeyIndex, wanted: NDArray[np.bool_]) -> KeyIndex:
    """The index of the wanted texts only, in the same order."""
    if wanted.all():
        return index
    keys, place = postings_of(index)
    new_place = (np.cumsum(wanted) - 1).astype(np.uint64)[place]
    postings = (keys | new_place)[wanted[place]]
    return KeyIndex(postings, _bloom_filter(postings), index.texts.of(np.flatnonzero(wanted)))


def look_up(index: KeyIndex, keys: Hashes, below: Indices | None = None) -> tuple[Indices, Indices]:
    """Where among the postings those of each key begin, and how many there are.

    Only texts whose place is `below`, a number for each key, count where it is given. Where there
    are none the beginning means nothing.
    """
    first, counts = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    word, bits = _bloom_bits(keys, len(index.bloom))
    possible = np.flatnonzero((index.bloom[word] & bits) == bits)
    wanted = keys[possible] & ~PLACE_MASK
    first[possible] = np.searchsorted(index.postings, wanted)
    end = wanted | (PLACE_MASK if below is None else below[possible].astype(np.uint64))
    counts[possible] = np.searchsorted(index.postings, end) - first[possible]
    return first, counts


def similar_pairs(
    index: KeyIndex,
    first: Indices,
    counts: Indices,
    rows: Indices,
    query: KeyIndex,
    threshold: float,
) -> Iterator[SimilarPairs]:
    """The pairs over the threshold among those that share a key, a bounded number at a time.

    `first` and `counts` are what `look_up` gave, `rows` the text of `query` that each is for. A
    pair may come more than once where there are very many.
    """
    shared = np.flatnonzero(counts)
    first, counts, rows = first[shared], counts[shared], rows[shared]
    for span in slices(counts, POSTINGS_AT_ONCE, POSTINGS_AT_ONCE):
        begins = run_starts(counts[span])
        at = np.arange(begins[-1]) + np.repeat(first[span] - begins[:-1], counts[span])
        pairs = np.repeat(rows[span].astype(np.uint64) << np.uint64(PLACE_BITS), counts[span])
        pairs = np.unique(pairs | index.postings[at] & PLACE_MASK)
        pair_rows = (pairs >> np.uint64(PLACE_BITS)).astype(np.int64)
        places = (pairs & PLACE_MASK).astype(np.int64)
        similarities = jaccards(query.texts, pair_rows, index.texts, places, threshold)
        hits = np.flatnonzero(similarities)
        yield SimilarPairs(pair_rows[hits], places[hits], similarities[hits])


def _merged(indexes: list[KeyIndex]) -> KeyIndex:
    if len(indexes) == 1:
        return indexes[0]
    before = run_starts(np.array([index.size for index in indexes])).astype(np.uint64)
    placed = [index.postings + first for index, first in zip(indexes, before, strict=False)]
    postings = np.sort(np.concatenate(placed))
    return KeyIndex(postings, _bloom_filter(postings), together([each.texts for each in indexes]))


def _bloom_filter(postings: Hashes) -> Hashes:
    bloom = np.zeros(1 << max(1, len(postings) // KEYS_PER_WORD).bit_length(), np.uint64)
    word, bits = _bloom_bits(postings, len(bloom))
    if len(word):  # ascending as the postings are
        first = np.flatnonzero(np.concatenate([np.ones(1, bool), word[1:] != word[:-1]]))
        bloom[word[first]] = np.bitwise_or.reduceat(bits, first)
    return bloom


def _bloom_bits(keys: Hashes, words: int) -> tuple[Indices, Hashes]:
    """The word that stands for each key by its uppermost bits, and three bits by its lowest."""
    word = (keys >> np.uint64(65 - words.bit_length())).astype(np.int64)
    bits = np.uint64(1) << (keys >> np.uint64(24) & np.uint64(63))
    bits |= np.uint64(1) << (keys >> np.uint64(30) & np.uint64(63))
    bits |= np.uint64(1) << (keys >> np.uint64(36) & np.uint64(63))
    return word, bits
