"""What differs between two texts, word by word."""

import re
from collections import Counter
from difflib import SequenceMatcher
from itertools import groupby
from typing import NamedTuple

MOST_MATCHES = 200_000
"""Places where a word of one text is one of the other: beyond them the texts are not compared, for
it takes some times as many steps."""

WORD = re.compile(r"\w+\s*|[^\w\s]\s*|\s+")
"""A word with what parts it from the next: a space alone would be in every text."""


class Part(NamedTuple):
    """A stretch of a text, and whether the other text has it as well."""

    text: str
    shared: bool


def word_diff(first: str, second: str) -> tuple[list[Part], list[Part]] | None:
    """Both texts in parts; joined again they are the texts. None where they are too long."""
    words = WORD.findall(first), WORD.findall(second)
    counts = Counter(words[0]), Counter(words[1])
    if sum(n * counts[1][word] for word, n in counts[0].items()) > MOST_MATCHES:
        return None
    matcher = SequenceMatcher(a=words[0], b=words[1], autojunk=False)
    same: tuple[set[int], set[int]] = set(), set()
    for a, b, size in matcher.get_matching_blocks():
        same[0].update(range(a, a + size))
        same[1].update(range(b, b + size))
    return _parts(words[0], same[0]), _parts(words[1], same[1])


def _parts(words: list[str], shared: set[int]) -> list[Part]:
    """Words joined in stretches that the other text has, or has not."""
    stretches = groupby(enumerate(words), key=lambda item: item[0] in shared)
    return [Part("".join(word for _, word in stretch), same) for same, stretch in stretches]
