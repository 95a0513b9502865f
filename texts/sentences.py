"""What two texts say that the other does not: the words of sentences and lines not in both.

Two questions about one long document differ in a sentence, and hardly in their n-grams; so the
sentences that only one of two texts holds are compared by themselves. The set of a text has a hash
of 52 bits for each word of each sentence: 27 bits the sentence, 25 the word. Numbers and operators
are there once more, each with the one before it: they have to be the same.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from texts.shingles import (
    HASH_BITS,
    STEP,
    NgramSets,
    as_sets,
    row_indices,
    run_starts,
    set_sizes,
    span_indices,
)
from texts.symbols import FIRST_SPELLED, LAST_SPELLED, OPERATOR, Bytes
from texts.word_hashes import Hashes, Indices, WordHashes, mixed

WORD_BITS = 24
_EXACT = np.uint64(1 << WORD_BITS)
_WORD = np.uint64(2 ** (WORD_BITS + 1) - 1)
PAIRS_AT_ONCE = 2 ** (63 - HASH_BITS)

_BREAK, _STOP, _AFTER_STOP, _DIGIT = 1, 2, 4, 8
_CLASSES = np.array(
    [
        {10: _BREAK | _AFTER_STOP}.get(byte, 0)
        | _STOP * (byte in b".!?")
        | _AFTER_STOP * (byte in b" \x1c")
        | _DIGIT * (byte in b"0123456789")
        for byte in range(256)
    ],
    np.uint8,
)
_SPELLED_BYTES = [chr(each).encode() for each in (FIRST_SPELLED, LAST_SPELLED)]


def no_sentences(texts: int) -> NgramSets:
    """Of texts whose sentences are not compared."""
    return NgramSets(np.zeros(0, np.uint64), np.zeros(texts + 1, np.int64))


def sentence_sets(found: WordHashes, of: Sequence[int], parts: int) -> NgramSets:
    """The words of the sentences that texts have in some of their parts; so many texts of `found`
    that follow each other are the parts of one."""
    texts = np.arange(len(found.bounds) - 1)
    wanted = texts[np.isin(texts % parts, of)]
    ours = row_indices(found.bounds, wanted)
    if not len(ours):
        return no_sentences(len(texts) // parts)
    row = np.repeat(wanted, np.diff(found.bounds)[wanted])
    hashes, first_byte, end_byte = found.hashes[ours], found.first[ours], found.end[ours]
    begins = _begin_sentences(found.raw, first_byte, end_byte, row)
    first = np.flatnonzero(begins)
    of_sentence = np.cumsum(begins) - 1
    place = np.arange(len(ours)) - first[of_sentence]
    steps = np.cumprod(np.full(int(place.max()) + 1, STEP, np.uint64))
    whole = mixed(np.add.reduceat(hashes * steps[place], first))
    sentence = (whole >> np.uint64(64 - HASH_BITS + WORD_BITS + 1))[of_sentence]
    exact = np.flatnonzero(_are_exact(found, first_byte, end_byte))
    after = of_sentence[exact][1:] == of_sentence[exact][:-1]
    after = np.concatenate([np.zeros(1, bool), after])[: len(exact)]
    before = np.where(after, np.roll(hashes[exact], 1), np.uint64(0))
    each = np.concatenate([np.arange(len(ours)), exact])
    words = np.concatenate([hashes, hashes[exact] * np.uint64(STEP) + before])
    words = mixed(words) >> np.uint64(64 - WORD_BITS)
    words[len(ours) :] |= _EXACT
    words |= sentence[each] << np.uint64(WORD_BITS + 1)
    return as_sets(row[each] // parts, words, len(texts) // parts)


def alike(
    left: NgramSets, left_rows: Indices, right: NgramSets, right_rows: Indices
) -> NDArray[np.float64]:
    """The Jaccard of the words of those sentences of each pair of texts that only one has.

    1 where there are none, 0 where their numbers or operators differ.
    """
    similarities = np.ones(len(left_rows))
    for at in range(0, len(left_rows), PAIRS_AT_ONCE):
        span = slice(at, at + PAIRS_AT_ONCE)
        similarities[span] = _alike(
            _of_pairs(left, left_rows[span]),
            _of_pairs(right, right_rows[span]),
            len(left_rows[span]),
        )
    return similarities


def _alike(left: Hashes, right: Hashes, pairs: int) -> NDArray[np.float64]:
    ours, theirs = _words(left[~_among(left, right)]), _words(right[~_among(right, left)])
    shared = _among(ours, theirs)
    common = _counts(ours[shared], pairs)
    total = _counts(ours, pairs) + _counts(theirs, pairs) - common
    found = np.where(total > 0, common / np.maximum(total, 1), 1.0)
    for words in (ours[~shared], theirs[~_among(theirs, ours)]):
        found[_counts(words[(words & _EXACT) > 0], pairs) > 0] = 0
    return found


def _begin_sentences(raw: Bytes, first: Indices, end: Indices, row: Indices) -> NDArray[np.bool_]:
    """Which words, those from `first` to `end` of the texts `row`, are the first of a sentence or
    line: what lies between it and the word before ends one.
    """
    begins = np.ones(len(row), bool)
    after = np.flatnonzero(row[1:] == row[:-1]) + 1
    lasts = end[after - 1] - 1  # a word's last byte may be the mark that ends the sentence
    classes = _CLASSES[raw[span_indices(lasts, first[after])]]
    ends = classes & _BREAK
    ends[:-1] |= (classes[:-1] & _STOP) >> 1 & (classes[1:] & _AFTER_STOP) >> 2
    begins[after] = np.bitwise_or.reduceat(ends, run_starts(first[after] - lasts)[:-1]) > 0
    return begins


def _are_exact(found: WordHashes, first: Indices, end: Indices) -> NDArray[np.bool_]:
    """Which of the words from `first` to `end` are numbers or operators."""
    begins, follows = found.raw[first], found.raw[first + 1]
    least, most = _SPELLED_BYTES
    exact: NDArray[np.bool_] = (
        (begins == least[0]) & (follows <= most[1]) & (end - first == len(least))
    )
    exact |= found.kind[first] == OPERATOR
    some = np.flatnonzero(_CLASSES[begins] & _DIGIT)
    first, end = first[some], end[some]
    classes = _CLASSES[found.raw[span_indices(first, end)]]
    exact[some] |= (np.bitwise_and.reduceat(classes, run_starts(end - first)[:-1]) & _DIGIT) > 0
    return exact


def _of_pairs(sets: NgramSets, rows: Indices) -> Hashes:
    """The hashes of these texts, each with the place of its pair."""
    pair = np.repeat(np.arange(len(rows), dtype=np.uint64), set_sizes(sets)[rows])
    return pair << np.uint64(HASH_BITS) | sets.hashes[row_indices(sets.offsets, rows)]


def _words(placed: Hashes) -> Hashes:
    """The words alone, with the place of their pair, once each."""
    return np.unique(placed >> np.uint64(HASH_BITS) << np.uint64(HASH_BITS) | placed & _WORD)


def _among(these: Hashes, those: Hashes) -> NDArray[np.bool_]:
    """Which of these are among those; both are sorted."""
    if not len(those):
        return np.zeros(len(these), bool)
    place = np.minimum(np.searchsorted(those, these), len(those) - 1)
    found: NDArray[np.bool_] = those[place] == these
    return found


def _counts(placed: Hashes, pairs: int) -> Indices:
    of_pair = (placed >> np.uint64(HASH_BITS)).astype(np.int64)
    return np.bincount(of_pair, minlength=pairs).astype(np.int64)
