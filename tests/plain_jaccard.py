"""A plain account of the Jaccard similarity of word n-grams, and texts that are edited a little."""

import random
import re
from functools import cache


@cache
def grams(text: str, ngram: int) -> set[tuple[str, ...]]:
    """What the n-grams of a text are, said plainly."""
    words = re.findall(r"\w+", text.casefold()) or text.split()
    return {tuple(words[at : at + ngram]) for at in range(max(1, len(words) - ngram + 1)) if words}


def jaccard(one: str, other: str, ngram: int) -> float:
    """Of two texts, of which one at least has a word."""
    ours, theirs = grams(one, ngram), grams(other, ngram)
    return len(ours & theirs) / len(ours | theirs) if ours | theirs else 0.0


def edited(text: str, share: float, chance: random.Random) -> str:
    """The text with this share of its words replaced."""
    words = text.split()
    for place in chance.sample(range(len(words)), int(share * len(words))):
        words[place] = f"new{chance.random()}"
    return " ".join(words)
