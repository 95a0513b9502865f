"""Which columns of rows in no known shape are likely to be those of one, by names and values."""

import re
from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any, NamedTuple

from preferences import one_a_row
from preferences.asked import ASKED
from preferences.columns import is_empty, words_of
from preferences.fits import is_list_of, is_side, is_text
from preferences.preference import RawRow, is_score
from preferences.scored import ANSWERS, GRADES


class Wanted(NamedTuple):
    """What a column holds, and words in the names that others have for it."""

    holds: Callable[[Any], bool]
    words: frozenset[str]
    names: tuple[str, ...] = ()
    """Other names under which it is read as it is."""


def _wanted(holds: Callable[[Any], bool], words: str, names: tuple[str, ...] = ()) -> Wanted:
    return Wanted(holds, frozenset(words.split()), names)


ANSWER = _wanted(is_side, "response answer output completion reply resp summary")
SHAPES_WANTED = {
    "trl_standard": {
        "rejected": _wanted(
            is_side,
            "rejected reject refused dispreferred unpreferred non nonpreferred worse negative neg "
            "bad losing worst lose",
        ),
        "chosen": _wanted(
            is_side,
            "chosen accepted accept preferred better positive pos good winning best win",
        ),
    },
    "graded": {
        "responses": _wanted(
            lambda value: is_list_of(value, is_text),
            "responses answers completions candidates outputs generations replies texts",
            ANSWERS,
        ),
        "scores": _wanted(
            lambda value: is_list_of(value, is_score), "scores ratings rewards grades", GRADES
        ),
    },
    "kto": {
        "completion": ANSWER,
        "label": _wanted(
            one_a_row.is_label,
            "label is good chosen accepted safe correct liked",
            one_a_row.LABEL,
        ),
    },
    "one_answer_a_row": {
        "response": ANSWER._replace(names=one_a_row.ANSWER),
        "rating": _wanted(is_score, "score reward grade rating", one_a_row.GRADE),
    },
}
"""Shapes of which a column may have another name, and what it wants."""

ONE_OF_TWO = (("a", "b"), ("1", "2"), ("0", "1"), ("first", "second"), ("left", "right"))
"""What tells the names of two answers apart."""

VERDICT = frozenset(
    "winner label labels preference preferred better choice verdict overall best result strength"
    .split()
)  # fmt: skip

BY_MARKS = {"1": "helpsteer_preference", "0": "safe_rlhf"}
BATTLES = {
    "arena_texts": ("response_a", "response_b", "winner"),
    "helpsteer_preference": ("response_1", "response_2", "preference_strength"),
    "safe_rlhf": ("response_0", "response_1", "better_response_id"),
    "alpaca_farm": ("output_1", "output_2", "preference"),
}
UNKNOWN = "..."


class Guess(NamedTuple):
    """A shape, the columns that make it one, and whose of them others may be the names."""

    shape: str
    columns: dict[str, str]
    found: float
    """The part of the columns that is there, under whatever name."""


def guess(row: RawRow) -> Guess | None:
    """The shape that a specimen is likely to be of, or None.

    `columns` has the names of the shape that are not there, and `UNKNOWN` for what was not found.
    """
    battle = _battle(row)
    others = [_guess(shape, wanted, row) for shape, wanted in SHAPES_WANTED.items()]
    guesses = [one for one in (battle, *others) if one and one.found]
    return max(guesses, key=lambda one: (one.found, -len(one.columns)), default=None)


def _guess(shape: str, wanted: dict[str, Wanted], row: RawRow) -> Guess:
    taken: dict[str, str] = {}
    for column, (holds, words, names) in wanted.items():
        if any(not is_empty(row.get(name)) or row.get(name) is False for name in (column, *names)):
            taken[column] = column
            continue
        free = [name for name in row if name not in taken.values() and name not in ASKED]
        likely = [name for name in free if holds(row[name]) and words & set(words_of(name))]
        if len(likely) == 1:
            taken[column] = likely[0]
    columns = {column: taken.get(column, UNKNOWN) for column in wanted}
    named = {column: name for column, name in sorted(columns.items()) if column != name}
    return Guess(shape, named, len(taken) / len(wanted))


def _battle(row: RawRow) -> Guess | None:
    """Two answers with names that differ in one mark, and what may be the verdict on them."""
    two = next(_two_answers(row), None)
    if two is None:
        return None
    first, second, mark = two
    others = [name for name in row if name not in (first, second, *ASKED)]
    says = is_text if mark not in BY_MARKS else lambda value: is_text(value) or is_score(value)
    verdicts = [name for name in others if VERDICT & set(words_of(name)) and says(row[name])]
    verdict = min(verdicts, key=lambda name: words_of(name)[-1] not in VERDICT, default=None)
    shape = BY_MARKS.get(mark, "arena_texts")
    if verdict is not None:
        shape = _by_verdict(row[verdict], mark)
    names = zip(BATTLES[shape], (first, second, verdict or UNKNOWN), strict=True)
    columns = {our: their for our, their in names if our != their}
    return Guess(shape, columns, 1.0 if verdict else 2 / 3)


def _two_answers(row: RawRow) -> Iterator[tuple[str, str, str]]:
    parts = {name: re.findall(r"[a-z]+|\d+", name.lower()) for name in row if is_side(row[name])}
    for (one, these), (other, those) in permutations(parts.items(), 2):
        differ = [pair for pair in zip(these, those, strict=False) if pair[0] != pair[1]]
        if len(these) == len(those) and len(differ) == 1 and differ[0] in ONE_OF_TWO:
            if ANSWER.words & set(these):
                yield one, other, differ[0][0]


def _by_verdict(value: Any, mark: str) -> str:
    if is_text(value):
        return "arena_texts"
    if mark == "0":
        return "safe_rlhf"
    return "alpaca_farm" if value in (1, 2) else "helpsteer_preference"
