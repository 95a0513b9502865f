"""Answers with scores: graded lists, ELI5, and one row an answer. Best against worst is the pair.

One pair a prompt: all pairs of a list would repeat its answers, and near scores are the noisiest.
"""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import groupby

from preferences.preference import (
    Preference,
    RawRow,
    Undecided,
    best_and_worst,
    dict_of,
    is_score,
    list_of,
    name_of,
    optional_text,
    prompt_of,
    text_of,
    texts_of,
)

ANSWERS = ("answers", "responses", "completions")
GRADES = ("grades", "ratings", "scores")
GRADE = ("helpfulness", "grade", "rating", "score")
"""Column of a row with one answer; HelpSteer (arXiv 2311.09528) has helpfulness, 0 to 4."""


def graded(row: RawRow) -> Preference | Undecided:
    """A prompt, a list of answers and a list of their grades, in the same order."""
    answers, grades = texts_of(row, _column(row, ANSWERS)), list_of(row, _column(row, GRADES))
    return best_and_worst(prompt_of(row.get("prompt")), answers, grades, name_of(row))


def eli5(row: RawRow) -> Preference | Undecided:
    """A question's title and text, and its answers with their votes (arXiv 1907.09190)."""
    parts = [text_of(row, "title"), optional_text(row, "selftext")]
    prompt = prompt_of("\n\n".join(text for text in parts if text))
    answers = dict_of(row, "answers")
    name = None if row.get("q_id") is None else str(row["q_id"])
    return best_and_worst(prompt, texts_of(answers, "text"), list_of(answers, "score"), name)


def one_answer_a_row(rows: Iterator[tuple[str, RawRow]]) -> Iterator[tuple[str, RawRow]]:
    """Rows with one answer each to rows with lists; the answers to a prompt stand together.

    A prompt that comes back later is marked: `one_prompt` refuses it. 16 bytes a prompt are held.
    """
    seen: set[bytes] = set()
    for prompt, group in groupby(rows, key=lambda located: located[1].get("prompt")):
        (where, first), *others = group
        together = [first, *(row for _, row in others)]
        graded_by = (name for name in GRADE if any(is_score(row.get(name)) for row in together))
        grade = next(graded_by, GRADE[0])
        key = blake2b(repr(prompt).encode(errors="replace"), digest_size=16).digest()
        yield (
            where,
            {
                "prompt": prompt,
                "responses": [row.get("response") for row in together],
                "ratings": [row.get(grade) for row in together],
                "came_back": key in seen,
            },
        )
        seen.add(key)


def one_prompt(row: RawRow) -> Preference | Undecided:
    """A row of `one_answer_a_row`. Raises ValueError where its prompt was there before."""
    if row["came_back"]:
        raise ValueError("a prompt that came before comes back; sort the rows by their prompt")
    return graded(row)


def _column(row: RawRow, names: tuple[str, ...]) -> str:
    """The first of the names that the row has."""
    return next((name for name in names if name in row), names[0])
