"""How much a set of texts says in different words.

distinct-n (Li et al., arXiv 1510.03055): of all n-grams of words, the share that differ.
Self-similarity: the mean Jaccard similarity of the texts' sets of word pairs, over pairs of texts;
a text of one word has that word in the place of pairs.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple

from texts.normal import words

NGRAMS = (1, 2, 3)
MOST_PAIRS = 5000
"""Pairs of texts that are compared, drawn with a fixed seed where there are more."""

Grams = set[tuple[str, ...]]


class Diversity(NamedTuple):
    """Of some texts; None where there is not one n-gram, or not one pair of texts."""

    distinct_1: float | None
    distinct_2: float | None
    distinct_3: float | None
    self_similarity: float | None


def diversities(some: Sequence[str], others: Sequence[str]) -> tuple[Diversity, Diversity]:
    """The diversity of texts and of as many others, each cut to the words of the shorter of the
    two in its place: longer texts repeat more, whoever writes them.
    """
    cut: tuple[list[list[str]], list[list[str]]] = ([], [])
    for pair in zip(some, others, strict=True):
        said = [words(text) for text in pair]
        shorter = min(map(len, said))
        for side, text in zip(cut, said, strict=True):
            side.append(text[:shorter])
    return _diversity(cut[0]), _diversity(cut[1])


def _diversity(texts: list[list[str]]) -> Diversity:
    one, two, three = (_distinct(texts, n) for n in NGRAMS)
    pairs = [_grams(text, 2) or {tuple(text)} for text in texts if text]
    return Diversity(one, two, three, _self_similarity(pairs))


def _distinct(texts: list[list[str]], n: int) -> float | None:
    seen: Grams = set()
    count = 0
    for text in texts:
        seen |= _grams(text, n)
        count += max(0, len(text) - n + 1)
    return len(seen) / count if count else None


def _self_similarity(sets: list[Grams]) -> float | None:
    pairs = len(sets) * (len(sets) - 1) // 2
    if not pairs:
        return None
    draw = random.Random(0)
    places = (
        [(a, b) for b in range(len(sets)) for a in range(b)]
        if pairs <= MOST_PAIRS
        else [tuple(draw.sample(range(len(sets)), 2)) for _ in range(MOST_PAIRS)]
    )
    return sum(_jaccard(sets[a], sets[b]) for a, b in places) / len(places)


def _jaccard(one: Grams, other: Grams) -> float:
    return len(one & other) / len(one | other)


def _grams(text: list[str], n: int) -> Grams:
    return {tuple(text[start : start + n]) for start in range(len(text) - n + 1)}
