"""Texts as sets of hashed word n-grams, many texts at a time.

A text shorter than n words is one n-gram of all of them. A text may have parts, such as a question
and its answer: each has n-grams of its own, told from those of the others by the uppermost three of
52 bits. The other 49 are a hash, the same on every machine: two n-grams of a pair of texts share
one in less than 1 of 10^10 pairs.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from texts.word_hashes import Hashes, Indices, WordHashes, mixed, word_hashes

TEXTS_AT_ONCE = 512
CHARACTERS_AT_ONCE = 2**20

PART_BITS, GRAM_BITS = 3, 49
HASH_BITS = PART_BITS + GRAM_BITS
"""The other twelve of 64 hold the text's place in a batch, so that one sort does for all texts."""

STEP = 0xD6E8FEB86659FD93


class NgramSets(NamedTuple):
    """Sets of hashes: that of text i is `hashes[offsets[i] : offsets[i + 1]]`, ascending."""

    hashes: Hashes
    offsets: Indices


def ngram_sets(texts: Sequence[str], ngram: int) -> Iterator[NgramSets]:
    """The n-gram sets of the texts, in order, TEXTS_AT_ONCE or fewer at a time."""
    batch: list[str] = []
    length = 0
    for text in texts:
        batch.append(text)
        length += len(text)
        if len(batch) == TEXTS_AT_ONCE or length >= CHARACTERS_AT_ONCE:
            yield hashed(word_hashes(batch), ngram)
            batch, length = [], 0
    if batch:
        yield hashed(word_hashes(batch), ngram)


def set_sizes(sets: NgramSets) -> Indices:
    """How many n-grams each text has."""
    return np.diff(sets.offsets)


def select(sets: NgramSets, rows: Indices) -> NgramSets:
    """The sets of these texts only."""
    return NgramSets(
        sets.hashes[row_indices(sets.offsets, rows)], run_starts(set_sizes(sets)[rows])
    )


def run_starts(counts: Indices) -> Indices:
    """Where runs of these lengths begin and, last, where all of them end."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def row_indices(offsets: Indices, rows: Indices) -> Indices:
    """The indices that belong to these rows, row after row."""
    return span_indices(offsets[rows], offsets[rows + 1])


def span_indices(first: Indices, end: Indices) -> Indices:
    """The indices from each of `first` to its `end`, span after span."""
    begins = run_starts(end - first)
    return np.arange(begins[-1]) + np.repeat(first - begins[:-1], end - first)


def hashed(found: WordHashes, ngram: int, parts: int = 1) -> NgramSets:
    """The n-grams of texts; so many texts that follow each other are the parts of one."""
    words, bounds = found.hashes, found.bounds
    counts = np.diff(bounds)
    texts = np.arange(len(counts))
    grams = np.where(counts > 0, np.maximum(counts - ngram + 1, 1), 0)
    first = np.repeat(bounds[:-1] - run_starts(grams)[:-1], grams)
    first += np.arange(len(first))
    rolling = words.copy()
    for step in range(1, ngram):
        short = bounds[:-1][(counts > 0) & (counts <= step)]
        all_of_short = rolling[short]
        rolling[:-step] *= np.uint64(STEP)
        rolling[:-step] += words[step:]
        rolling[short] = all_of_short
    hashes = mixed(rolling[first]) >> np.uint64(64 - GRAM_BITS)
    if parts > 1:
        hashes |= np.repeat((texts % parts).astype(np.uint64) << np.uint64(GRAM_BITS), grams)
    return as_sets(np.repeat(texts // parts, grams), hashes, len(texts) // parts)


def as_sets(rows: Indices, hashes: Hashes, texts: int) -> NgramSets:
    """Sets of so many texts; `rows` says whose each hash of 52 bits is."""
    shift = np.uint64(HASH_BITS)
    placed = np.sort((rows.astype(np.uint64) << shift) | hashes)
    placed = placed[np.concatenate([np.ones(1, bool), placed[1:] != placed[:-1]])[: len(placed)]]
    offsets = np.searchsorted(placed, np.arange(texts + 1, dtype=np.uint64) << shift)
    return NgramSets(placed & np.uint64(2**HASH_BITS - 1), offsets.astype(np.int64))


def joined(several: Sequence[NgramSets]) -> NgramSets:
    """The sets of all of these, one after the other."""
    hashes, _ = zip(*several, strict=True)
    sizes = np.concatenate([set_sizes(sets) for sets in several])
    return NgramSets(np.concatenate(hashes), run_starts(sizes))
