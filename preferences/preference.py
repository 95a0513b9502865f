"""A preference: a prompt, a better answer and a worse one, whatever shape they were read from."""

import math
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from preferences.conversational import side_fault
from preferences.text_only import messages_beyond_text
from preferences.turns import in_roles
from rounds.rows import Messages

RawRow = dict[str, Any]
"""A row in a shape that others made: any columns, any values."""

NAMES = ("pair_id", "prompt_id", "id")
"""Columns that name a row, the best name first."""


class Preference(NamedTuple):
    """Two answers to a prompt (chat messages), the better one first."""

    prompt: Messages
    chosen: str
    rejected: str
    score_chosen: float | None = None
    score_rejected: float | None = None
    name: str | None = None
    where: str = ""
    """The file or dataset, and the row in it, counted from 1."""
    reference: str | None = None
    guidelines: str | None = None


class Undecided(NamedTuple):
    """A row that prefers nothing: a `tie` of two answers, or there is only `one_answer`.

    Two were not judged as one: battles of which the `several_answers` differ before the last, and
    answers whose `criteria_differ`. Two more cannot teach what they say: answers that are the
    `same_but_white_space`, and answers with `chat_tokens` in them.
    """

    reason: str
    prompt: Messages
    answers: tuple[str, str] | None = None
    where: str = ""
    reference: str | None = None
    guidelines: str | None = None


def text_of(row: RawRow, column: str) -> str:
    """A column that must be a text. Raises ValueError where it is none."""
    value = row.get(column) if isinstance(row, dict) else None
    if not isinstance(value, str):
        raise ValueError(f"{column} is not a text")
    return value


def optional_text(row: RawRow, column: str) -> str:
    """A column that holds a text or nothing. Raises ValueError where it holds anything else."""
    return "" if row.get(column) is None else text_of(row, column)


def dict_of(row: RawRow, column: str) -> dict[str, Any]:
    """A column with named parts. Raises ValueError where it has none."""
    value = row.get(column)
    if not isinstance(value, dict):
        raise ValueError(f"{column} is not an object")
    return value


def list_of(row: RawRow, column: str) -> list[Any]:
    """A column with a list; an empty one where nothing is there. Raises ValueError otherwise."""
    value = row.get(column)
    if value is not None and not isinstance(value, list):
        raise ValueError(f"{column} is not a list")
    return value or []


def texts_of(row: RawRow, column: str) -> list[str]:
    """A column with a list of texts. Raises ValueError where it holds anything else."""
    values = list_of(row, column)
    if not all(isinstance(value, str) for value in values):
        raise ValueError(f"{column} holds what is no text")
    return values


def answer_of(side: str, messages: Any) -> str:
    """The text of a list with one assistant message. Raises ValueError where it is none."""
    if wrong := messages_beyond_text(messages):
        raise ValueError(f"{side}: {wrong}")
    if wrong := side_fault(messages):
        raise ValueError(f"{side} {wrong}")
    return str(messages[0]["content"])


def text_or_answer(side: str, value: Any, other: Any = None) -> str:
    """The text of an answer that is a text or a message. Raises ValueError where it is neither."""
    if isinstance(value, str):
        return value
    if value is None and isinstance(other, str):
        raise ValueError(f"{side} is not a text")
    return answer_of(side, in_roles(value))


def best_and_worst(
    prompt: Messages, answers: Sequence[str], scores: Sequence[Any], name: str | None
) -> Preference | Undecided:
    """The answer with the highest score over the one with the lowest, the first among equals.

    An answer without a score is passed over. Raises ValueError where the two lists do not fit.
    """
    if len(answers) != len(scores):
        raise ValueError(f"{len(answers)} answers and {len(scores)} scores")
    scored = [
        (number, answer)
        for answer, score in zip(answers, scores, strict=True)
        if (number := number_of(score)) is not None
    ]
    if len(scored) < 2:
        return Undecided("one_answer", prompt)
    best_score, best = max(scored, key=itemgetter(0))
    worst_score, worst = min(scored, key=itemgetter(0))
    if best_score == worst_score:
        return Undecided("tie", prompt, (scored[0][1], scored[1][1]))
    return Preference(prompt, best, worst, best_score, worst_score, name)


def best_by_all(
    prompt: Messages,
    answers: Sequence[str],
    grades: dict[str, list[Any]],
    name: str | None,
) -> Preference | Undecided:
    """The same by the first of several columns of grades.

    Raises ValueError where another one says the opposite.
    """
    (first, scores), *others = grades.items()
    told = best_and_worst(prompt, answers, scores, name)
    for other, values in others:
        two = best_and_worst(prompt, answers, values, name)
        if not isinstance(told, Preference) or not isinstance(two, Preference):
            continue
        by_other = dict(zip(answers, map(number_of, values), strict=True))
        better, worse = by_other[told.chosen], by_other[told.rejected]
        if better is not None and worse is not None and better < worse:
            raise ValueError(f"{other} says the opposite of {first} (else ignore: [{other}])")
    return told


def number_of(value: Any) -> float | None:
    """A score, or None where there is none: null, or the NaN that pandas writes for it.

    Raises ValueError for what is no number, and for one that is infinite or too big for a float.
    """
    if value is None or value != value:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"a score that is no number: {str(value)[:40]!a}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("a score that is infinite or too big")
    return number


def is_score(value: Any) -> bool:
    """Whether a value can be a score."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def scores_of(row: RawRow) -> tuple[float | None, float | None]:
    """The scores of chosen and rejected, where the row has them."""
    return number_of(row.get("score_chosen")), number_of(row.get("score_rejected"))


def name_of(row: RawRow) -> str | None:
    """What the row calls itself, where it does."""
    return next((str(row[name]) for name in NAMES if row.get(name) is not None), None)
