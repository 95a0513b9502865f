"""Pairs as they are compared: a set for each, its texts as parts of it."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice

import numpy as np

from pairs.pair import PairTexts
from rounds.ids import digest
from texts.normal import plain
from texts.overlap import ComparedTexts, bitmaps
from texts.sentences import sentence_sets
from texts.shingles import (
    CHARACTERS_AT_ONCE,
    GRAM_BITS,
    TEXTS_AT_ONCE,
    NgramSets,
    hashed,
    run_starts,
)
from texts.word_hashes import word_hashes

PARTS = PairTexts._fields
_SYSTEM, EARLIER, QUESTION, CHOSEN, REJECTED = range(len(PARTS))


def compared_pairs(pairs: Iterable[PairTexts], ngram: int) -> Iterator[ComparedTexts]:
    """The pairs in order, TEXTS_AT_ONCE or fewer at a time."""
    source = iter(pairs)
    while batch := _batch(source):
        found = word_hashes([text for pair in batch for text in _parts(pair)])
        sets = hashed(found, ngram, len(PARTS))
        of_prompts = sentence_sets(found, [EARLIER, QUESTION], len(PARTS))
        yield ComparedTexts(sets, bitmaps(sets), of_prompts)


def parts_of(sets: NgramSets, parts: list[int]) -> NgramSets:
    """The n-grams of these parts alone."""
    wanted = np.zeros(len(PARTS), bool)
    wanted[parts] = True
    ours = wanted[sets.hashes >> np.uint64(GRAM_BITS)]
    return NgramSets(sets.hashes[ours], run_starts(ours)[sets.offsets])


def _batch(source: Iterator[PairTexts]) -> list[PairTexts]:
    batch: list[PairTexts] = []
    length = 0
    for pair in islice(source, TEXTS_AT_ONCE):
        batch.append(pair)
        length += sum(map(len, pair))
        if length >= CHARACTERS_AT_ONCE:
            break
    return batch


def _parts(pair: PairTexts) -> list[str]:
    """The texts of a pair, its system turns as one word: they are the same or they are not."""
    return [_as_word(pair.system) if pair.system else "", *pair[1:]]


@lru_cache
def _as_word(text: str) -> str:
    return digest(plain(text))
