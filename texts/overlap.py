"""The true Jaccard of many pairs of n-gram sets at once.

Most pairs below the threshold are told by a bitmap of 1,024 bits a text: a bit of the one that the
other lacks is an n-gram they do not share, which bounds the overlap from above and so loses no
pair (Sandes, Teodoro and Melo, "Bitmap filter", 2017).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from texts.shingles import HASH_BITS, Hashes, Indices, NgramSets, row_indices, set_sizes

BITMAP_BITS = 1024
PAIRS_AT_ONCE = 2**14
HASHES_AT_ONCE = 2**22


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
    left: tuple[NgramSets, Hashes],
    left_rows: Indices,
    right: tuple[NgramSets, Hashes],
    right_rows: Indices,
    threshold: float,
) -> NDArray[np.float64]:
    """The Jaccard of each pair of rows; 0 where it is below the threshold.

    `left` and `right` are sets with their bitmaps.
    """
    similarities = np.zeros(len(left_rows))
    for at in range(0, len(left_rows), PAIRS_AT_ONCE):
        rows, others = (side[at : at + PAIRS_AT_ONCE] for side in (left_rows, right_rows))
        possible = np.flatnonzero(_possible(left, rows, right, others, threshold))
        counts = sizes_of(left[0], rows[possible]) + sizes_of(right[0], others[possible])
        for span in slices(counts, HASHES_AT_ONCE, 2 ** (63 - HASH_BITS)):
            pairs = possible[span]
            shared = _shared(left[0], rows[pairs], right[0], others[pairs])
            jaccard = shared / (counts[span] - shared)
            similarities[at + pairs] = np.where(jaccard >= threshold, jaccard, 0.0)
    return similarities


def sizes_of(sets: NgramSets, rows: Indices) -> Indices:
    """How many n-grams these texts have."""
    return sets.offsets[rows + 1] - sets.offsets[rows]


def _possible(
    left: tuple[NgramSets, Hashes],
    left_rows: Indices,
    right: tuple[NgramSets, Hashes],
    right_rows: Indices,
    threshold: float,
) -> NDArray[np.bool_]:
    """Whether sizes and bitmaps leave it open that a pair is over the threshold."""
    left_sizes, right_sizes = sizes_of(left[0], left_rows), sizes_of(right[0], right_rows)
    left_bits, right_bits = left[1][left_rows], right[1][right_rows]
    only_left = np.bitwise_count(left_bits & ~right_bits).sum(axis=1, dtype=np.int64)
    only_right = np.bitwise_count(right_bits & ~left_bits).sum(axis=1, dtype=np.int64)
    shared = np.minimum(left_sizes - only_left, right_sizes - only_right)  # at most
    possible: NDArray[np.bool_] = shared >= threshold * (left_sizes + right_sizes - shared) - 1e-6
    return possible


def _shared(left: NgramSets, left_rows: Indices, right: NgramSets, right_rows: Indices) -> Indices:
    """How many hashes both sets of each pair hold: those that stand twice once all are sorted."""
    parts = []
    for sets, rows in ((left, left_rows), (right, right_rows)):
        pairs = np.repeat(np.arange(len(rows), dtype=np.uint64), sizes_of(sets, rows))
        parts.append(pairs << np.uint64(HASH_BITS) | sets.hashes[row_indices(sets.offsets, rows)])
    both = np.sort(np.concatenate(parts))
    twice = both[1:][both[1:] == both[:-1]] >> np.uint64(HASH_BITS)
    return np.bincount(twice.astype(np.int64), minlength=len(left_rows)).astype(np.int64)
