"""Texts that stand in other texts: told by the n-grams of each, or whole between two breaks."""

import re
from collections import Counter
from collections.abc import Iterable

from texts.normal import UNSPACED, WORDS, plain, words

NGRAM = 8
SHARED = 3, 5
"""An n-gram of so many of the texts, or of so many other ones, is a template or an instruction and
gives none away."""
LEAST = 8
"""N-grams that must be there of a text, or all that it has, shared ones included. Of a short text
that differs in one word most can be there, and the word is what it asks about."""

WHOLE = 5
"""Words from which a text counts that stands whole in another; a shorter one has to be half of it,
for many texts say "Explain your answer." """

_BREAK = re.compile(rf"[^\w\s'\u2019&/{UNSPACED}-]|\n|(?<=[{UNSPACED}])\s+|\s+(?=[{UNSPACED}])")
"""Ends of sentences and lines; where a script puts no spaces between words, one ends a sentence."""


class Quotes:
    """Which of some named texts are quoted, told by n-grams that few others share."""

    def __init__(self, named: Iterable[tuple[str, str]]) -> None:
        grams = {name: set(_ngrams(text)) for name, text in named}
        self._least = {name: min(LEAST, len(found)) for name, found in grams.items()}
        ours = Counter(gram for found in grams.values() for gram in found)
        self._of: dict[str, list[str]] = {}
        for name, found in grams.items():
            for gram in found:
                if ours[gram] < SHARED[0]:
                    self._of.setdefault(gram, []).append(name)
        self._size = Counter(name for names in self._of.values() for name in names)
        self._others: Counter[str] = Counter()

    def shared_with(self, texts: Iterable[str]) -> None:
        """Texts of others: an n-gram that many of them hold counts no longer."""
        for text in texts:
            for gram in set(_ngrams(text)) & self._of.keys():
                self._others[gram] += 1
                if self._others[gram] >= SHARED[1]:
                    self._size.subtract(self._of.pop(gram))

    def most(self, texts: Iterable[str], least: float) -> tuple[float, str | None]:
        """The text that is held to the largest share, from `least` on, and that share."""
        there = {gram for text in texts for gram in _ngrams(text)}
        held = Counter(name for gram in there for name in self._of.get(gram, ()))
        enough = [
            (count / self._size[name], name)
            for name, count in held.items()
            if count >= least * self._size[name] and count >= self._least[name]
        ]
        return max(enough, default=(0.0, None), key=lambda found: (found[0], str(found[1])))


class Whole:
    """Which of some named texts stand whole in another, between ends of sentences or lines."""

    def __init__(self, named: Iterable[tuple[str, str]]) -> None:
        self._names: dict[str, str] = {}
        self._lengths: dict[str, set[int]] = {}
        for name, text in named:
            if found := words(text):
                said = " ".join(found)
                self._names[said] = min(name, self._names.get(said, name))
                self._lengths.setdefault(found[0], set()).add(len(found))

    def within(self, text: str, least: int = 1) -> str | None:
        """The name of the longest of `least` words or more that stands there, if one does."""
        found: list[str] = []
        breaks = [0]
        for part in _BREAK.split("\n".join(plain(line) for line in text.splitlines())):
            if some := WORDS.findall(part):
                found += some
                breaks.append(len(found))
        enough = max(least, min(WHOLE, len(found) / 2))
        ends = set(breaks)
        standing = [
            (end - first, name)
            for first in breaks[:-1]
            for size in self._lengths.get(found[first], ())
            if size >= enough and (end := first + size) in ends
            if (name := self._names.get(" ".join(found[first:end])))
        ]
        return max(standing, default=(0, None), key=lambda one: one[0])[1]


def _ngrams(text: str) -> Iterable[str]:
    found = words(text)
    return (" ".join(found[at : at + NGRAM]) for at in range(len(found) - NGRAM + 1))
