"""Texts that stand in other texts: told by the n-grams of each, or whole between two breaks.

All of them are `undisguised`.
"""

import re
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from typing import NamedTuple

from texts.letters import OPERATORS, letters
from texts.normal import UNSPACED, WORDS, words

NGRAM = 8
TEMPLATE_NAMED, TEMPLATE_OTHERS = 3, 5
"""An n-gram that so many of the named texts hold, or so many other ones, is a template or an
instruction and gives none away."""
MIN_NGRAMS = 10
"""N-grams that must be there of a text, or all that it has, shared ones included. Of a short text
that differs in one word most can be there, and the word is what it asks about."""

MIN_WHOLE_WORDS = 5
"""Words from which a text counts that stands whole in another; a shorter one has to be half of it,
for many texts say "Explain your answer." """

BEGINNING = 4
"""Letters by which a text that may begin at a break is told at once; shorter texts have fewer."""

_BREAK = re.compile(
    rf"[^\w\s'\u2019&/{OPERATORS}{UNSPACED}-]|\n|(?<=[{UNSPACED}])\s+|\s+(?=[{UNSPACED}])"
)
"""Ends of sentences and lines; where a script puts no spaces between words, one ends a sentence."""


class Parts(NamedTuple):
    """A text in parts, from one end of a sentence or a line to the next."""

    letters: list[str]
    """Of each part."""
    words: int
    """Of all of them."""


class QuoteFinder:
    """Which of some named texts are quoted, told by n-grams that few others share."""

    def __init__(self, named: Iterable[tuple[str, str]]) -> None:
        ngrams = {name: set(_ngrams(text)) for name, text in named}
        self._least = {name: min(MIN_NGRAMS, len(own)) for name, own in ngrams.items()}
        holders = Counter(ngram for own in ngrams.values() for ngram in own)
        self._names_of: dict[str, list[str]] = {}
        for name, own in ngrams.items():
            for ngram in own:
                if holders[ngram] < TEMPLATE_NAMED:
                    self._names_of.setdefault(ngram, []).append(name)
        self._size = Counter(name for names in self._names_of.values() for name in names)
        self._other_holders: Counter[str] = Counter()

    def discount_shared(self, texts: Iterable[str]) -> None:
        """Texts of others: an n-gram that many of them hold counts no longer."""
        for text in texts:
            for ngram in set(_ngrams(text)) & self._names_of.keys():
                self._other_holders[ngram] += 1
                if self._other_holders[ngram] >= TEMPLATE_OTHERS:
                    self._size.subtract(self._names_of.pop(ngram))

    def most_quoted(self, texts: Iterable[str], least: float) -> tuple[float, str | None]:
        """The text that is quoted to the largest share, from `least` on, and that share."""
        ngrams = {ngram for text in texts for ngram in _ngrams(text)}
        quoted = Counter(name for ngram in ngrams for name in self._names_of.get(ngram, ()))
        enough = [
            (count / self._size[name], name)
            for name, count in quoted.items()
            if count >= least * self._size[name] and count >= self._least[name]
        ]
        return max(enough, default=(0.0, None), key=lambda most: (most[0], str(most[1])))


class WholeTextFinder:
    """Which of some named texts stand whole in another, between ends of sentences or lines.

    Where words begin and end does not count.
    """

    def __init__(self, named: Iterable[tuple[str, str]]) -> None:
        self._names: dict[str, tuple[str, int]] = {}
        self._lengths: dict[str, set[int]] = {}
        for name, text in named:
            if its_letters := letters(text):
                known, _ = self._names.get(its_letters, (name, 0))
                self._names[its_letters] = min(name, known), len(words(text))
                self._lengths.setdefault(its_letters[:BEGINNING], set()).add(len(its_letters))

    def find(self, text: Parts, least: int = 1) -> str | None:
        """The name of the longest of `least` words or more that stands in the text, if one does.

        A short one has to be half of it in letters or in words: spaces between letters make words
        of them, and the labels around a question can be long.
        """
        whole = "".join(text.letters)
        breaks = list(accumulate(map(len, text.letters), initial=0))
        ends = set(breaks)
        standing = [
            (size, name)
            for first in breaks[:-1]
            for size in self._lengths.get(whole[first : first + BEGINNING], ())
            if first + size in ends and (known := self._names.get(whole[first : first + size]))
            for name, count in [known]
            if count >= least
            and (count >= MIN_WHOLE_WORDS or 2 * size >= len(whole) or 2 * count >= text.words)
        ]
        return max(standing, default=(0, None), key=lambda longest: longest[0])[1]


def between_breaks(text: str) -> Parts:
    """The parts of an undisguised text."""
    parts = _BREAK.split(text)
    return Parts(
        [part for each in parts if (part := letters(each))],
        sum(len(WORDS.findall(each)) for each in parts),
    )


def _ngrams(text: str) -> Iterable[str]:
    its_words = WORDS.findall(text)
    return (" ".join(its_words[at : at + NGRAM]) for at in range(len(its_words) - NGRAM + 1))
