"""Texts as sets of hashed word n-grams, many texts at a time.

Words are runs of letters, digits and underscores, without case and hidden characters; in scripts
that put no spaces between words every character is one. A text shorter than n words is one n-gram
of all of them, a text without words one of its characters, an empty one has none. A hash has 52
bits, the same on every machine: two n-grams of a pair of texts share one in less than 1 of 10^11
pairs.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from texts.normal import plain, words

Hashes = NDArray[np.uint64]
Indices = NDArray[np.int64]

TEXTS_AT_ONCE = 256
CHARACTERS_AT_ONCE = 2**20

HASH_BITS = 52
"""The other twelve of 64 hold the text's place in a batch, so that one sort does for all texts."""

_ASCII = "".join(chr(i).lower() if chr(i).isalnum() or chr(i) == "_" else " " for i in range(128))
_WORD_BYTES = _ASCII.encode() + bytes(range(128, 256))  # the bytes of UTF-8 are parts of words
_HIDDEN_BYTES = bytes(range(9)) + bytes(range(14, 28)) + b"\x7f"
_BYTE_CODES = np.frombuffer(hashlib.shake_128(b"prefloop bytes").digest(256 * 8), dtype="<u8")
_BASE, _STEP, _MIX = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93, 0xBF58476D1CE4E5B9


class NgramSets(NamedTuple):
    """Sets of hashes: that of text i is `hashes[offsets[i] : offsets[i + 1]]`, ascending."""

    hashes: Hashes
    offsets: Indices


def ngram_sets(texts: Sequence[str], ngram: int) -> Iterator[NgramSets]:
    """The n-gram sets of the texts, in order, TEXTS_AT_ONCE or fewer at a time."""
    batch: list[bytes] = []
    length = 0
    for text in texts:
        batch.append(_word_bytes(text))
        length += len(batch[-1])
        if len(batch) == TEXTS_AT_ONCE or length >= CHARACTERS_AT_ONCE:
            yield _hashed(batch, ngram)
            batch, length = [], 0
    if batch:
        yield _hashed(batch, ngram)


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
    counts = offsets[rows + 1] - offsets[rows]
    begins = run_starts(counts)
    return np.arange(begins[-1]) + np.repeat(offsets[rows] - begins[:-1], counts)


def _word_bytes(text: str) -> bytes:
    """The words of a text with spaces between them."""
    spaced = text if text.isascii() else " ".join(words(text))
    spelled = spaced.encode().translate(_WORD_BYTES, _HIDDEN_BYTES)
    if spelled.isspace() or not spelled:
        return plain(text).replace(" ", "").encode()
    return spelled


def _hashed(texts: list[bytes], ngram: int) -> NgramSets:
    words, bounds = _word_hashes(texts)
    counts = np.diff(bounds)
    grams = np.where(counts > 0, np.maximum(counts - ngram + 1, 1), 0)
    rows = np.repeat(np.arange(len(texts)), grams)
    first = np.arange(len(rows)) + np.repeat(bounds[:-1] - run_starts(grams)[:-1], grams)
    left = bounds[1:][rows] - first
    hashes = words[first]
    for step in range(1, ngram):
        following = words[np.minimum(first + step, len(words) - 1)]
        hashes = np.where(left > step, hashes * np.uint64(_STEP) + following, hashes)
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(_MIX)
    hashes ^= hashes >> np.uint64(32)
    shift = np.uint64(HASH_BITS)
    placed = np.sort((rows.astype(np.uint64) << shift) | (hashes >> np.uint64(64 - HASH_BITS)))
    placed = placed[np.concatenate([np.ones(1, bool), placed[1:] != placed[:-1]])[: len(placed)]]
    offsets = np.searchsorted(placed, np.arange(len(texts) + 1, dtype=np.uint64) << shift)
    return NgramSets(placed & np.uint64(2**HASH_BITS - 1), offsets.astype(np.int64))


def _word_hashes(texts: list[bytes]) -> tuple[Hashes, Indices]:
    """A hash for each word, and where the words of each text begin and end among them.

    The polynomial of the word's bytes, read off the running sum over all texts.
    """
    raw = np.frombuffer(b" ".join([b"", *texts, b""]), dtype=np.uint8)
    inside = raw != ord(" ")
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    first, end = edges[::2], edges[1::2]
    powers, inverse = _powers(1 << (len(raw) - 1).bit_length())
    sums = np.cumsum(_BYTE_CODES[raw] * powers[: len(raw)])
    words = (sums[end - 1] - sums[first - 1]) * inverse[first]
    text_starts = 1 + run_starts(np.array([len(text) + 1 for text in texts], dtype=np.int64))
    return words, np.searchsorted(first, text_starts).astype(np.int64)


@lru_cache(maxsize=2)
def _powers(count: int) -> tuple[Hashes, Hashes]:
    """The powers of the base and those of its inverse, modulo 2^64."""
    inverse = pow(_BASE, -1, 2**64)
    powers, back = (
        np.cumprod(np.concatenate([np.ones(1, np.uint64), np.full(count - 1, base, np.uint64)]))
        for base in (_BASE, inverse)
    )
    return powers, back
