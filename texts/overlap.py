"""The true Jaccard of many pairs of texts at once: the least of those of their parts.

Most pairs below the threshold are told by a bitmap of 1,024 bits a text: a bit of the one that the
other lacks is an n-gram they do not share, which bounds the overlap from above and so loses no
pair (Sandes, Teodoro and Melo, "Bitmap filter", 2017).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from texts.sentences import alike
from texts.shingles import (
    GRAM_BITS,
    HASH_BITS,
    PART_BITS,
    NgramSets,
    joined,
    row_indices,
    select,
    set_sizes,
)
from texts.word_hashes import Hashes, Indices

BITMAP_BITS = 1024
PAIRS_AT_ONCE = 2**14
HASHES_AT_ONCE = 2**22


class ComparedTexts(NamedTuple):
    """Texts as they are compared: n-grams, bitmaps of these, and the words of their sentences."""

    sets: NgramSets
    bitmaps: Hashes
    sentences: NgramSets

    def of(self, rows: Indices) -> "ComparedTexts":
        """These texts only."""
        sentences = select(self.sentences, rows)
        return ComparedTexts(select(self.sets, rows), self.bitmaps[rows], sentences)


def together(several: list[ComparedTexts]) -> ComparedTexts:
    """All these texts, one after the other."""
    sets, rows, sentences = zip(*several, strict=True)
    return ComparedTexts(joined(sets), np.concatenate(rows), joined(sentences))


def bitmaps(sets: NgramSets) -> Hashes:
    """A row of 16 words a text: the bits that its hashes name."""
    texts = len(sets.offsets) - 1
    bits = np.zeros((texts, BITMAP_BITS), bool)
    rows = np.repeat(np.arange(texts), set_sizes(sets))
    bits[rows, sets.hashes & np.uint64(BITMAP_BITS - 1)] = True
    return np.packbits(bits, axis=1).view(np.uint64)


def slices(counts: Indices, total: int, most: int) -> Iterator[slice]:
    """Slices, in order, whose counts add up to `total` or less, of `most` items or fewer.

    One item that has more is a slice of its own.
    """
    ends = np.cumsum(counts)
    first = 0
    while first < len(counts):
        before = int(ends[first - 1]) if first else 0
        end = int(np.searchsorted(ends, before + total, side="right"))
        end = min(max(end, first + 1), first + most)
        yield slice(first, end)
        first = end


def jaccards(
    left: ComparedTexts,
    left_rows: Indices,
    right: ComparedTexts,
    right_rows: Indices,
    threshold: float,
) -> NDArray[np.float64]:
    """The similarity of each pair of rows; 0 where it is below the threshold.

    That is the least Jaccard of a part that either has, and of the words of the sentences that only
    one of them holds.
    """
    similarities = np.zeros(len(left_rows))
    for at in range(0, len(left_rows), PAIRS_AT_ONCE):
        rows, others = (side[at : at + PAIRS_AT_ONCE] for side in (left_rows, right_rows))
        possible = np.flatnonzero(_possible(left, rows, right, others, threshold))
        counts = sizes_of(left.sets, rows[possible]) + sizes_of(right.sets, others[possible])
        for span in slices(counts, HASHES_AT_ONCE, 2 ** (63 - HASH_BITS)):
            pairs = possible[span]
            least = _least_jaccards(left.sets, rows[pairs], right.sets, others[pairs])
            pairs, least = pairs[least >= threshold], least[least >= threshold]
            of_sentences = alike(left.sentences, rows[pairs], right.sentences, others[pairs])
            least = np.minimum(least, of_sentences)
            similarities[at + pairs] = np.where(least >= threshold, least, 0.0)
    return similarities


def sizes_of(sets: NgramSets, rows: Indices) -> Indices:
    """How many n-grams these texts have."""
    return sets.offsets[rows + 1] - sets.offsets[rows]


def _possible(
    left: ComparedTexts,
    left_rows: Indices,
    right: ComparedTexts,
    right_rows: Indices,
    threshold: float,
) -> NDArray[np.bool_]:
    """Whether sizes and bitmaps leave it open that a pair is over the threshold."""
    left_sizes, right_sizes = sizes_of(left.sets, left_rows), sizes_of(right.sets, right_rows)
    left_bits, right_bits = left.bitmaps[left_rows], right.bitmaps[right_rows]
    only_left = np.bitwise_count(left_bits & ~right_bits).sum(axis=1, dtype=np.int64)
    only_right = np.bitwise_count(right_bits & ~left_bits).sum(axis=1, dtype=np.int64)
    shared = np.minimum(left_sizes - only_left, right_sizes - only_right)  # at most
    possible: NDArray[np.bool_] = shared >= threshold * (left_sizes + right_sizes - shared) - 1e-6
    return possible


def _least_jaccards(
    left: NgramSets, left_rows: Indices, right: NgramSets, right_rows: Indices
) -> NDArray[np.float64]:
    """The least Jaccard of the parts of each pair; those that stand twice once all are sorted are
    shared."""
    parts = []
    for sets, rows in ((left, left_rows), (right, right_rows)):
        pairs = np.repeat(np.arange(len(rows), dtype=np.uint64), sizes_of(sets, rows))
        parts.append(pairs << np.uint64(HASH_BITS) | sets.hashes[row_indices(sets.offsets, rows)])
    both = np.sort(np.concatenate(parts))
    shared = _by_part(both[1:][both[1:] == both[:-1]], len(left_rows))
    total = _by_part(both, len(left_rows)) - shared
    found = np.where(total > 0, shared / np.maximum(total, 1), np.inf).min(axis=1)
    return np.where(np.isinf(found), 0.0, found)


def _by_part(placed: Hashes, pairs: int) -> Indices:
    """How many there are of each part of each pair, of shape (pairs, parts)."""
    of_part = (placed >> np.uint64(GRAM_BITS)).astype(np.int64)
    return np.bincount(of_part, minlength=pairs << PART_BITS).reshape(pairs, -1)
