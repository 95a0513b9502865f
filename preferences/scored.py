"""Answers with scores in one row. Best against worst is the pair.

One pair a prompt: all pairs of a list would repeat its answers, and near scores are the noisiest.
"""

from typing import Any

from preferences.asked import asked, beside
from preferences.columns import are
from preferences.preference import (
    Preference,
    RawRow,
    Undecided,
    best_and_worst,
    best_by_all,
    list_of,
    name_of,
    number_of,
    optional_text,
    text_of,
    text_or_answer,
    texts_of,
)
from preferences.turns import turns_of

ANSWERS = ("answers", "responses", "completions", "generations")
ELI5 = (
    *("title", "selftext", "url", "answers"),
    *("title_urls", "selftext_urls", "answers_urls"),
)
"""The columns of ELI5."""
GRADES = ("grades", "ratings", "scores", "rewards")


def graded(row: RawRow) -> Preference | Undecided:
    """A prompt, a list of answers and a list of their grades, in the same order."""
    told = [name for name in ANSWERS if list_of(row, name)]
    answers = texts_of(row, told[0] if told else first_of(row, ANSWERS))
    if any(texts_of(row, name) != answers for name in told):
        raise ValueError(f"{are(told)} different answers; one is read (else ignore: [{told[1]}])")
    names = [name for name in GRADES if list_of(row, name)] or [first_of(row, GRADES)]
    grades = {name: list_of(row, name) for name in names}
    return best_by_all(asked(row), answers, grades, name_of(row))


def ultrafeedback(row: RawRow) -> Preference | Undecided:
    """An instruction and completions with a response and its overall_score (arXiv 2310.01377)."""
    completions = records(row, "completions")
    answers = [text_of(completion, "response") for completion in completions]
    scores = [completion.get("overall_score") for completion in completions]
    text_of(row, "instruction")
    return best_and_worst(asked(row, "instruction"), answers, scores, None)


def eli5(row: RawRow) -> Preference | Undecided:
    """A question's title and text, and its answers with their votes (arXiv 1907.09190)."""
    parts = [text_of(row, "title"), optional_text(row, "selftext")]
    turns = beside(row, turns_of("\n\n".join(text for text in parts if text)))
    answers = records(row, "answers")
    name = None if row.get("q_id") is None else str(row["q_id"])
    texts = [text_of(answer, "text") for answer in answers]
    return best_and_worst(turns, texts, [answer.get("score") for answer in answers], name)


def stack_exchange(row: RawRow) -> Preference | Undecided:
    """A question and its answers with pm_score, which grows with votes and acceptance."""
    answers = records(row, "answers")
    texts = [text_of(answer, "text") for answer in answers]
    scores = [answer.get("pm_score") for answer in answers]
    name = None if row.get("qid") is None else str(row["qid"])
    return best_and_worst(asked(row), texts, scores, name)


def nectar(row: RawRow) -> Preference | Undecided:
    """Answers in ranks of which 1 is the best: the score is the rank below zero."""
    answers = records(row, "answers")
    texts = [text_or_answer("an answer", answer.get("answer")).strip() for answer in answers]
    ranks = [number_of(answer.get("rank")) for answer in answers]
    scores = [None if rank is None else -rank for rank in ranks]
    return best_and_worst(asked(row), texts, scores, name_of(row))


def records(row: RawRow, column: str) -> list[dict[str, Any]]:
    """A column with a list of objects, or with an object of lists, as `datasets` keeps those.

    Raises ValueError where it holds anything else.
    """
    value = row.get(column)
    if isinstance(value, dict):
        lists = [list_of(value, name) for name in value]
        if len({len(one) for one in lists}) > 1:
            lengths = ", ".join(
                f"{len(one)} {name}" for name, one in zip(value, lists, strict=True)
            )
            raise ValueError(f"{column} has lists of different lengths ({lengths})")
        return [dict(zip(value, items, strict=True)) for items in zip(*lists, strict=True)]
    listed = list_of(row, column)
    if not all(isinstance(item, dict) for item in listed):
        raise ValueError(f"{column} holds what is no object")
    return listed


def first_of(row: RawRow, names: tuple[str, ...]) -> str:
    """The first of the names that the row has."""
    return next((name for name in names if name in row), names[0])
