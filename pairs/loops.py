"""Texts that loop: a model that says the same thing over and over until something stops it."""

import re
from collections.abc import Iterable

import numpy as np

from pairs.config import PairsConfig
from pairs.pair import CandidatePair, DropReason
from rounds.ids import text_hash
from texts.normal import is_unspaced, words

ITEM = re.compile(r"(?m)^[ \t]*(?:[-*\u2022+]|\(?\d+[.):])[ \t]+")
TABLE = re.compile(r"(?m)^[^|\n]*\|[^|\n]*\|.*$")
CODE = re.compile(r"```.*?```", re.DOTALL)

NGRAM = 5
MAX_REPEATED, MIN_WORDS = 0.75, 40
"""Share of n-grams that were there before, in texts of so many words and more. In 6,424 real
answers (AlpacaEval, eight models) all over 0.67 are loops and songs stay under 0.5."""
MAX_PASSAGE, MIN_TIMES, MIN_CHARACTERS = 60, 10, 60
"""Longest passage, fewest times and fewest characters of a loop that words do not show."""
MIN_RULER, MIN_NUMBERS = 100, 1000
"""Characters of a loop without letters: rulers and rows of dots, or with digits, which a matrix has
as well. It must be half of the text besides."""


def loops(pair: CandidatePair, config: PairsConfig) -> DropReason | None:
    """A side that repeats itself."""
    if not config.loops:
        return None
    for side, text in zip(("chosen", "rejected"), pair.texts, strict=True):
        if repeated := loop(text):
            return DropReason("loop", f"{side}: {repeated}")
    return None


def loop(text: str) -> str | None:
    """What a text repeats over and over, in words; None where it does not.

    Numbers of list items are not looked at, so that a list of one item many times is a loop. A
    closed block of code and the cells of a table may repeat themselves: code does, and a loop
    seldom closes its block.
    """
    text = CODE.sub(lambda block: f" code{text_hash(block.group())} ", ITEM.sub("", text))
    its_words = words(text)
    prose = words(TABLE.sub("", text)) if "|" in text else its_words
    return _repeated_passage(its_words) or _repeated_ngrams(prose) or _repeated_characters(text)


def _repeated_passage(its_words: list[str]) -> str | None:
    """A passage that is repeated without a break, three times or more."""
    if _repeats(its_words) < 8:
        return None
    ids: dict[str, int] = {}
    codes = np.array([ids.setdefault(word, len(ids)) for word in its_words])
    start, period, covered = _longest_repetition(codes, range(1, len(codes) // 3 + 1), 3)
    passage = its_words[start : start + period]
    if not any(map(_is_language, passage)):
        return None  # a row of numbers or letters: a matrix, a drawing
    times = covered // max(period, 1)
    long = covered >= 100 or (covered >= 40 and covered >= len(its_words) / 2)
    if not (long and times >= 3) and not (times >= 6 and covered >= 30):
        return None
    return f"{times} times {' '.join(passage)[:80]!r}"


def _repeated_ngrams(prose: list[str]) -> str | None:
    """The same few sentences again and again, if in another order; rows of numbers may be."""
    if len(prose) < MIN_WORDS or sum(map(_is_language, prose)) < len(prose) / 2:
        return None
    repeated = _repeats(prose) / (len(prose) - NGRAM + 1)
    return f"{repeated:.0%} of its {NGRAM}-grams are repeats" if repeated >= MAX_REPEATED else None


def _repeated_characters(text: str) -> str | None:
    """A few characters many times, with or without spaces."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    periods = _possible_periods(codes, MAX_PASSAGE, MIN_CHARACTERS)
    start, period, covered = _longest_repetition(codes, periods, MIN_TIMES)
    passage = text[start : start + period]
    fewest = MIN_CHARACTERS
    if not any(map(str.isalpha, passage)):
        digits = any(map(str.isdigit, passage))
        fewest = max(MIN_NUMBERS if digits else MIN_RULER, len(text) // 2)
    if covered < fewest:
        return None
    return f"{covered // period} times {passage!r}"


def _is_language(word: str) -> bool:
    """Whether a word is neither a number nor a single letter.

    A character that is a word of its own is none, as in Thai, nor is a Korean syllable.
    """
    return not word.isdigit() and (len(word) > 1 or word > "\u2e80" or is_unspaced(word))


def _repeats(its_words: list[str]) -> int:
    """How many n-grams of the words were there before."""
    ngrams = list(zip(*(its_words[at:] for at in range(NGRAM)), strict=False))
    return len(ngrams) - len(set(ngrams))


def _possible_periods(codes: np.ndarray, longest: int, covered: int) -> list[int]:
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
    four_in_a_row = same[:-3] & same[1:-2] & same[2:-1] & same[3:]
    return (np.flatnonzero(four_in_a_row.any(axis=0)) + 1).tolist()


def _longest_repetition(
    codes: np.ndarray, periods: Iterable[int], times: int
) -> tuple[int, int, int]:
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
