"""Some thousand texts that can be asked which of them share a key with another text.

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

from texts.overlap import bitmaps, jaccards, spans
from texts.shingles import Hashes, Places, Sets, starts, take

PLACES = np.uint64(2**24 - 1)

LARGEST = 2**16
"""Texts in a block, so that merging two holds little memory."""

FOUND_AT_ONCE = 2**21

KEYS_A_WORD = 8
"""So many at most, half as many at least, share a word of 64 bits."""


class Block(NamedTuple):
    """The sorted keys with places, the Bloom filter of the keys, and the texts."""

    postings: Hashes
    marks: Hashes
    sets: Sets
    bitmaps: Hashes

    @property
    def size(self) -> int:
        """How many texts it holds."""
        return len(self.sets.offsets) - 1


class Found(NamedTuple):
    """Pairs over the threshold: the row that asked, the place in the block, their Jaccard."""

    rows: Places
    places: Places
    jaccards: NDArray[np.float64]


def make_block(sets: Sets, keys: Hashes, rows: Places) -> Block:
    """A block of these texts; `rows` says whose key each is."""
    postings = np.sort(keys & ~PLACES | rows.astype(np.uint64))
    return Block(postings, _marks(postings), sets, bitmaps(sets))


def merged(blocks: list[Block], block: Block) -> list[Block]:
    """The blocks and one more, in few of them: neighbours of like size become one."""
    blocks = [*blocks, block]
    while (
        len(blocks) > 1
        and blocks[-2].size <= 2 * blocks[-1].size
        and blocks[-2].size + blocks[-1].size <= LARGEST
    ):
        blocks[-2:] = [_joined(*blocks[-2:])]
    return blocks


def part_of(block: Block, wanted: NDArray[np.bool_]) -> Block:
    """The block of the wanted texts only, in the same order."""
    if wanted.all():
        return block
    place = (block.postings & PLACES).astype(np.int64)
    moved = (np.cumsum(wanted) - 1).astype(np.uint64)[place]
    postings = (block.postings & ~PLACES | moved)[wanted[place]]
    rows = np.flatnonzero(wanted)
    return Block(postings, _marks(postings), take(block.sets, rows), block.bitmaps[rows])


def runs(block: Block, keys: Hashes, below: Places | None = None) -> tuple[Places, Places]:
    """Where among the postings those of each key begin, and how many there are.

    Only texts whose place is `below`, a number for each key, count where it is given. Where there
    are none the beginning means nothing.
    """
    first, counts = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    word, bits = _mark(keys, len(block.marks))
    some = np.flatnonzero((block.marks[word] & bits) == bits)
    wanted = keys[some] & ~PLACES
    first[some] = np.searchsorted(block.postings, wanted)
    end = wanted | (PLACES if below is None else below[some].astype(np.uint64))
    counts[some] = np.searchsorted(block.postings, end) - first[some]
    return first, counts


def compared(
    block: Block, first: Places, counts: Places, rows: Places, asking: Block, threshold: float
) -> Iterator[Found]:
    """The pairs over the threshold among those that share a key, a bounded number at a time.

    `first` and `counts` are runs of postings, `rows` the text of `asking` that each is for. A pair
    may come more than once where there are very many.
    """
    ours, theirs = (asking.sets, asking.bitmaps), (block.sets, block.bitmaps)
    some = np.flatnonzero(counts)
    first, counts, rows = first[some], counts[some], rows[some]
    for span in spans(counts, FOUND_AT_ONCE, FOUND_AT_ONCE):
        into = starts(counts[span])
        at = np.arange(into[-1]) + np.repeat(first[span] - into[:-1], counts[span])
        pairs = np.repeat(rows[span].astype(np.uint64) << np.uint64(24), counts[span])
        pairs = np.unique(pairs | block.postings[at] & PLACES)
        asked, places = (pairs >> np.uint64(24)).astype(np.int64), (pairs & PLACES).astype(np.int64)
        found = jaccards(ours, asked, theirs, places, threshold)
        hits = np.flatnonzero(found)
        yield Found(asked[hits], places[hits], found[hits])


def _joined(left: Block, right: Block) -> Block:
    sets = Sets(
        np.concatenate([left.sets.hashes, right.sets.hashes]),
        np.concatenate([left.sets.offsets, right.sets.offsets[1:] + left.sets.offsets[-1]]),
    )
    postings = np.sort(np.concatenate([left.postings, right.postings + np.uint64(left.size)]))
    both = np.concatenate([left.bitmaps, right.bitmaps])
    return Block(postings, _marks(postings), sets, both)


def _marks(postings: Hashes) -> Hashes:
    marks = np.zeros(1 << max(1, len(postings) // KEYS_A_WORD).bit_length(), np.uint64)
    word, bits = _mark(postings, len(marks))
    np.bitwise_or.at(marks, word, bits)
    return marks


def _mark(keys: Hashes, words: int) -> tuple[Places, Hashes]:
    """The word that stands for each key by its uppermost bits, and three bits by its lowest."""
    word = (keys >> np.uint64(65 - words.bit_length())).astype(np.int64)
    bits = np.uint64(1) << (keys >> np.uint64(24) & np.uint64(63))
    bits |= np.uint64(1) << (keys >> np.uint64(30) & np.uint64(63))
    bits |= np.uint64(1) << (keys >> np.uint64(36) & np.uint64(63))
    return word, bits
