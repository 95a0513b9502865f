"""Texts that loop: a model that says the same thing over and over until something stops it."""

import re
from collections.abc import Iterable

import numpy as np

from pairs.config import PairsConfig
from pairs.pair import CandidatePair, Why
from rounds.ids import text_hash
from texts.normal import words

ITEM = re.compile(r"(?m)^[ \t]*(?:[-*\u2022+]|\(?\d+[.):])[ \t]+")
TABLE = re.compile(r"(?m)^[^|\n]*\|[^|\n]*\|.*$")
CODE = re.compile(r"```.*?```", re.DOTALL)

NGRAM = 5
ALL_OVER = (0.75, 40)
"""Share of n-grams that were there before, in texts of so many words and more. In 6,424 real
answers (AlpacaEval, eight models) all over 0.67 are loops and songs stay under 0.5."""
IN_CHARACTERS = (60, 10, 60)
"""Longest passage, fewest times and fewest characters of a loop that words do not show."""
RULERS, NUMBERS = 100, 1000
"""Characters of a loop without letters: rulers and rows of dots, or with digits, which a matrix has
as well. It must be half of the text besides."""


def loops(pair: CandidatePair, config: PairsConfig) -> Why | None:
    """A side that repeats itself."""
    if not config.loops:
        return None
    for name, text in zip(("chosen", "rejected"), pair.sides, strict=True):
        if found := loop(text):
            return Why("loop", f"{name}: {found}")
    return None


def loop(text: str) -> str | None:
    """What a text repeats over and over, in words; None where it does not.

    Numbers of list items are not looked at, so that a list of one item many times is a loop. A
    closed block of code and the cells of a table may repeat themselves: code does, and a loop
    seldom closes its block.
    """
    text = CODE.sub(lambda block: f" code{text_hash(block.group())} ", ITEM.sub("", text))
    found = words(text)
    prose = words(TABLE.sub("", text)) if "|" in text else found
    return _of_words(found) or _all_over(prose) or _of_characters(text)


def _of_words(found: list[str]) -> str | None:
    """A passage that is repeated without a break, three times or more."""
    if _repeats(found) < 8:
        return None
    ids: dict[str, int] = {}
    codes = np.array([ids.setdefault(word, len(ids)) for word in found])
    start, period, covered = _longest(codes, range(1, len(codes) // 3 + 1), 3)
    passage = found[start : start + period]
    if not any(map(_spoken, passage)):
        return None  # a row of numbers or letters: a matrix, a drawing
    times = covered // max(period, 1)
    long = covered >= 100 or (covered >= 40 and covered >= len(found) / 2)
    if not (long and times >= 3) and not (times >= 6 and covered >= 30):
        return None
    return f"{times} times {' '.join(passage)[:80]!r}"


def _all_over(found: list[str]) -> str | None:
    """The same few sentences again and again, if in another order; rows of numbers may be."""
    share, least = ALL_OVER
    if len(found) < least or sum(map(_spoken, found)) < len(found) / 2:
        return None
    repeated = _repeats(found) / (len(found) - NGRAM + 1)
    return f"{repeated:.0%} of its {NGRAM}-grams are repeats" if repeated >= share else None


def _of_characters(text: str) -> str | None:
    """A few characters many times, with or without spaces."""
    longest, times, fewest = IN_CHARACTERS
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    start, period, covered = _longest(codes, _possible(codes, longest, fewest), times)
    passage = text[start : start + period]
    if not any(map(str.isalpha, passage)):
        fewest = max(NUMBERS if any(map(str.isdigit, passage)) else RULERS, len(text) // 2)
    if covered < fewest:
        return None
    return f"{covered // period} times {passage!r}"


def _spoken(word: str) -> bool:
    return not word.isdigit() and (len(word) > 1 or word > "\u2e80")


def _repeats(found: list[str]) -> int:
    """How many n-grams of the words were there before."""
    ngrams = list(zip(*(found[at:] for at in range(NGRAM)), strict=False))
    return len(ngrams) - len(set(ngrams))


def _possible(codes: np.ndarray, longest: int, covered: int) -> list[int]:
    """The periods up to `longest` that a stretch of `covered` may have, ten times or more.

    Such a stretch equals itself a period later for nine tenths of its length; every place of a
    grid that has four in it is looked at, for all periods at once.
    """
    if len(codes) < covered:
        return []
    step = covered * 9 // 10 // 4
    padded = np.concatenate([codes, np.full(longest, np.iinfo(codes.dtype).max, codes.dtype)])
    places = np.lib.stride_tricks.sliding_window_view(padded, longest + 1)[::step]
    same = places[:, 1:] == places[:, :1]
    four = same[:-3] & same[1:-2] & same[2:-1] & same[3:]
    return (np.flatnonzero(four.any(axis=0)) + 1).tolist()


def _longest(codes: np.ndarray, periods: Iterable[int], times: int) -> tuple[int, int, int]:
    """Start, period and length of the longest stretch that is one passage so many times or more.

    Of several periods of one stretch the shortest is given. Zeros where there is none.
    """
    best = (0, 0, 0)
    for period in periods:
        breaks = np.flatnonzero(codes[period:] != codes[:-period])
        edges = np.concatenate(([-1], breaks, [len(codes) - period]))
        gaps = np.diff(edges)
        widest = int(np.argmax(gaps))
        covered = int(gaps[widest]) - 1 + period
        if covered >= times * period and covered > best[2]:
            best = (int(edges[widest]) + 1, period, covered)
    return best
