"""Texts that stand in other texts: told by the n-grams of each, or whole between two breaks."""

import re
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate

from texts.letters import letters
from texts.normal import UNSPACED, words

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

_BREAK = re.compile(rf"[^\w\s'\u2019&/{UNSPACED}-]|\n|(?<=[{UNSPACED}])\s+|\s+(?=[{UNSPACED}])")
"""Ends of sentences and lines; where a script puts no spaces between words, one ends a sentence."""


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

    Texts are `undisguised`; where in a line words begin and end does not count.
    """

    def __init__(self, named: Iterable[tuple[str, str]]) -> None:
        self._names: dict[str, tuple[str, int]] = {}
        self._lengths: dict[str, set[int]] = {}
        for name, text in named:
            if its_letters := letters(text):
                known, _ = self._names.get(its_letters, (name, 0))
                self._names[its_letters] = min(name, known), len(words(text))
                self._lengths.setdefault(its_letters[:BEGINNING], set()).add(len(its_letters))

    def find(self, text: str, least: int = 1) -> str | None:
        """The name of the longest of `least` words or more that stands in the text, if one does."""
        parts = [part for line in text.split("\n") for part in _BREAK.split(line)]
        its_letters = [part for each in parts if (part := letters(each))]
        whole = "".join(its_letters)
        breaks = list(accumulate(map(len, its_letters), initial=0))
        ends = set(breaks)
        standing = [
            (size, name)
            for first in breaks[:-1]
            for size in self._lengths.get(whole[first : first + BEGINNING], ())
            if first + size in ends and (known := self._names.get(whole[first : first + size]))
            for name, count in [known]
            if count >= least and (count >= MIN_WHOLE_WORDS or 2 * size >= len(whole))
        ]
        return max(standing, default=(0, None), key=lambda longest: longest[0])[1]


def _ngrams(text: str) -> Iterable[str]:
    its_words = words(text)
    return (" ".join(its_words[at : at + NGRAM]) for at in range(len(its_words) - NGRAM + 1))
