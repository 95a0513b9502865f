"""Near duplicates: texts whose sets of word n-grams have a Jaccard similarity over a threshold."""

import re
from collections.abc import Sequence
from typing import NamedTuple


class Hit(NamedTuple):
    """The most similar text that was added: its place, in order of adding, and the similarity."""

    place: int
    jaccard: float


class Near:
    """Texts in memory, asked for near duplicates of others. Every hit is a true Jaccard."""

    def __init__(self, threshold: float, ngram: int = 3) -> None:
        self.threshold = threshold
        self.ngram = ngram
        self._sets: list[set[tuple[str, ...]]] = []

    def add(self, texts: Sequence[str]) -> None:
        """Add texts that later ones are compared with."""
        self._sets += [_shingles(text, self.ngram) for text in texts]

    def find(self, texts: Sequence[str]) -> list[Hit | None]:
        """For each text the most similar added one at or above the threshold, or None."""
        return [self._best(_shingles(text, self.ngram)) for text in texts]

    def _best(self, wanted: set[tuple[str, ...]]) -> Hit | None:
        hits = (
            Hit(place, len(wanted & there) / len(wanted | there))
            for place, there in enumerate(self._sets)
            if wanted or there
        )
        best = max(hits, key=lambda hit: hit.jaccard, default=None)
        return best if best and best.jaccard >= self.threshold else None


def _shingles(text: str, ngram: int) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[at : at + ngram]) for at in range(max(1, len(words) - ngram + 1))}
