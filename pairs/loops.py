"""Texts that loop: a model that got stuck, and says the same until something stops it.

The same words, lines, rows or characters come again and again, at most with a counter that goes up,
mostly to the end of the text, and more often than a reader would want. A refrain, a form to fill
in, what a program prints and a chord chart repeat themselves on purpose, and come to an end.
"""

import re

import numpy as np

from pairs.config import PairsConfig
from pairs.pair import CandidatePair, DropReason
from pairs.repetition import coded, longest_repetition, possible_periods
from rounds.ids import text_hash
from texts.normal import is_unspaced, words

ITEM = re.compile(r"(?m)^[ \t]*(?:[-*\u2022+]|\(?\d+[.):])[ \t]+")
TABLE = re.compile(r"(?m)^[^|\n]*\|[^|\n]*\|.*$")
NUMBERS = re.compile(r"(?<=\D)(?=\d)|(?<=\d)(?=\D)")
CODE = re.compile(r"```.*?```", re.DOTALL)
BLANKS = re.compile(
    r"(?m)^[ \t]*(?:[|+:_.\u2026=\[\]\u2610\u25a1-][ \t|+:_.\u2026=\[\]\u2610\u25a1-]{,160}"
    r"|(?:</?\w[^<>\n]{,80}>[ \t]*){1,20})$\n?"
)
"""A line with nothing in it: of a table, a form, a frame, or nothing but HTML."""
PRINTED = re.compile(
    r"output|print|console|terminal|display|logs?$|result|looks?$|follow|show|gives|returns|says$|writes|python$|bash$"
)
SONG = re.compile(r"(?im)^\W*(?:verse|(?:pre-?)?chorus|bridge|refrain|intro|outro|hook)\b")
CHORD = re.compile(r"(?:[a-h](?:is|es|b)?|[iv]{1,4})?(?:m|maj|min|dim|aug|sus|add|\d)*")

NGRAM, LONGEST = 5, 1000
"""Words of an n-gram, and of the longest passage that is looked for."""
MAX_REPEATED, MAX_REPEATED_SONG, MIN_WORDS = 0.75, 0.9, 40
"""Share of n-grams that were there before, in texts of so many words and more. In 6,424 real
answers (AlpacaEval, eight models) all over 0.67 are loops and songs stay under 0.5."""
MAX_PASSAGE, MIN_TIMES, MIN_CHARACTERS = 60, 10, 60
"""Longest passage, fewest times and fewest characters of a loop that words do not show."""
COUNTED, ROWS, PAGES, SUNG = 20, 200, 400, 200
"""Fewest turns where only one counter moves; where several numbers do, and where a program may
have printed them; fewest words or empty lines where there is no word of language, and in a song."""


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

    A closed block of code may repeat itself: code does, and a loop seldom closes its block.
    """
    text = CODE.sub(lambda block: f" code{text_hash(block.group())} ", text)
    is_list = 2 * len(ITEM.findall(text)) > text.count("\n") + 1
    text = ITEM.sub("", text)
    if len(blank := BLANKS.findall(text)) < PAGES:
        text = BLANKS.sub("", text)
    elif sum(map(len, blank)) > len(text) / 2:
        return f"{len(blank)} lines with nothing in them"
    is_song = SONG.search(text) is not None
    its_words = words(text)
    prose = words(TABLE.sub("", text)) if "|" in text else its_words
    return (
        _repeated_passage(its_words, is_list, is_song)
        or _counting(its_words)
        or _repeated_ngrams(prose, is_song)
        or _repeated_characters(text, is_song)
    )


def _repeated_passage(its_words: list[str], is_list: bool, is_song: bool) -> str | None:
    """A passage that is repeated without a break."""
    if _repeats(its_words) < 8:
        return None
    found = longest_repetition(coded(its_words), range(1, min(len(its_words) // 3, LONGEST) + 1), 3)
    passage = its_words[found.start : found.start + found.period]
    half = found.covered >= len(its_words) / 2
    if not any(map(_is_language, passage)):
        stuck = half and found.covered >= PAGES
    elif is_song:
        stuck = half and found.covered >= SUNG
    elif _was_printed(its_words[: found.start]):
        stuck = found.times >= ROWS
    elif found.end >= len(its_words) - 2:
        long = found.covered >= (40 if is_list else 80) or (is_list and found.times >= 5)
        stuck = (
            found.covered >= 200 or found.times >= COUNTED or half and (long or found.times > 10)
        )
    else:
        stuck = found.covered >= 200 or (found.times >= COUNTED and half)
    return f"{found.times} times {' '.join(passage)[:80]!r}" if stuck else None


def _counting(its_words: list[str]) -> str | None:
    """One passage again and again in which nothing but counters change."""
    if sum(word[-1].isdecimal() or word[0].isdecimal() for word in its_words) < COUNTED:
        return None
    its_words = [part for word in its_words for part in NUMBERS.split(word) if part]
    shape = ["0" if word.isdecimal() else word for word in its_words]
    found = longest_repetition(coded(shape), range(1, min(len(shape) // COUNTED, 60) + 1), COUNTED)
    if not found.covered or found.covered < len(shape) / 2:
        return None
    passage = its_words[found.start : found.start + found.period]
    in_words = sum(map(_is_language, passage)) >= 2 and not _was_printed(its_words[: found.start])
    for columns in range(1, 9):  # a row of several numbers is one shape many times
        period = found.period * columns
        turns = [its_words[at : at + period] for at in range(found.start, found.end, period)]
        turns = turns[: found.covered // period]
        moving = [column for column in zip(*turns, strict=True) if len(set(column)) > 1]
        fewest = COUNTED if in_words and len(moving) == 1 else ROWS
        if moving and len(turns) >= fewest and all(map(_counts, moving)):
            return f"{len(turns)} times {' '.join(turns[0])[:80]!r}, counting"
    return None


def _counts(column: tuple[str, ...]) -> bool:
    """Whether numbers go up or down by the same step, or by steps that grow by the same."""
    if not all(number.isascii() for number in column) or max(map(len, column)) > 15:
        return False
    steps = np.diff([int(number) for number in column])
    return len(set(steps.tolist())) == 1 or len(set(np.diff(steps).tolist())) == 1


def _was_printed(before: list[str]) -> bool:
    """Whether the words before what is repeated say that a program prints it."""
    return any(map(PRINTED.match, before[-4:]))


def _repeated_ngrams(prose: list[str], is_song: bool) -> str | None:
    """The same few sentences again and again, if in another order; rows of numbers may be."""
    if len(prose) < MIN_WORDS or sum(map(_is_language, prose)) < len(prose) / 2:
        return None
    repeated = _repeats(prose) / (len(prose) - NGRAM + 1)
    if repeated < (MAX_REPEATED_SONG if is_song else MAX_REPEATED):
        return None
    return f"{repeated:.0%} of its {NGRAM}-grams are repeats"


def _repeated_characters(text: str, is_song: bool) -> str | None:
    """A few characters many times, with or without spaces."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    periods = possible_periods(codes, MAX_PASSAGE, MIN_CHARACTERS)
    found = longest_repetition(codes, periods, MIN_TIMES)
    passage = text[found.start : found.start + found.period]
    printed = _was_printed(words(text[max(0, found.start - 100) : found.start]))
    ended = "\n" in passage and found.end < len(text.rstrip()) - 1
    fewest = max(_fewest(passage, len(text)), 1000 if is_song or printed else 600 if ended else 0)
    return f"{found.times} times {passage!r}" if found.covered >= fewest else None


def _fewest(passage: str, length: int) -> int:
    """Characters that a passage must fill to be a loop in a text of so many."""
    one_line, its_words = "\n" not in passage, words(passage)
    if any(map(_is_language, its_words)):
        return max(MIN_CHARACTERS if one_line else 120, length // 2 if not one_line else 0)
    if any(map(str.isalpha, passage)) and len(its_words) == 1 and passage.strip() == passage:
        return MIN_CHARACTERS
    if any(map(str.isalpha, passage)):
        return max(600, length // 2)
    if any(map(str.isdigit, passage)):
        return max(300 if len(passage) == 1 else 1000, length // 2)
    return max(150 if one_line else 400, length // 2)


def _is_language(word: str) -> bool:
    """Whether a word is neither a number nor a single letter, nor a chord.

    A character that is a word of its own is none, as in Thai, nor is a Korean syllable.
    """
    if len(word) > 8:
        return not word.isdigit()
    if word.isdigit() or CHORD.fullmatch(word):
        return False
    return len(word) > 1 or word > "\u2e80" or is_unspaced(word)


def _repeats(its_words: list[str]) -> int:
    """How many n-grams of the words were there before."""
    ngrams = list(zip(*(its_words[at:] for at in range(NGRAM)), strict=False))
    return len(ngrams) - len(set(ngrams))
