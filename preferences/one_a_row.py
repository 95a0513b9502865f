"""Rows with one answer each: those to one prompt are compared, best against worst."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from preferences.asked import ASKED, CONVERSATIONS, asked, prompt_column
from preferences.columns import fault_of, unread_columns
from preferences.preference import (
    Preference,
    RawRow,
    Undecided,
    best_by_all,
    is_score,
    text_or_answer,
)
from preferences.turns import answer_to, chat_turns
from rounds.ids import digest
from rounds.rows import Messages

GRADE = ("helpfulness", "grade", "rating", "score")
"""Column of a row with one answer; HelpSteer (arXiv 2311.09528) has helpfulness, 0 to 4."""

LABEL = ("label", "kto_tag")
"""Whether an answer is a good one: KTO's data (arXiv 2402.01306), in TRL's and other names."""

ANSWER = ("response", "completion")
JUDGED = ("reference", "guidelines")
READ = (*ASKED, *ANSWER, *GRADE, *LABEL, *JUDGED)

Located = tuple[str, RawRow]


def together(rows: Iterator[Located]) -> Iterator[Located]:
    """Rows with one answer each to rows with lists; the answers to a prompt stand together.

    What makes two prompts is all that was asked. A prompt that comes back later is marked, and so
    is a row that cannot be read: `one_prompt` refuses both. 8 bytes a prompt are held.
    """
    seen: set[bytes] = set()
    questions = ((_question(row), where, row) for where, row in rows)
    for (key, turns, fault), group in groupby(questions, key=itemgetter(0)):
        located = [(where, row) for _, where, row in group]
        if fault:
            yield from ((where, {"fault": fault}) for where, _ in located)
            continue
        same = [row for _, row in located]
        yield (
            located[0][0],
            {"prompt": turns, "rows": same, "came_back": key in seen, **_for_a_judge(same)},
        )
        seen.add(key)


def one_prompt(row: RawRow) -> Preference | Undecided:
    """A row of `together`. Raises ValueError where its prompt was there before."""
    if row.get("fault"):
        raise ValueError(row["fault"])
    if row["came_back"]:
        raise ValueError("a prompt that came before comes back; sort the rows by their prompt")
    rows: list[RawRow] = row["rows"]
    graded_by = [name for name in GRADE if any(is_score(one.get(name)) for one in rows)]
    grades = {name: [one.get(name) for one in rows] for name in graded_by}
    for name in LABEL:
        said = [one[name] for one in rows if one.get(name) is not None]
        if said and (not graded_by or all(map(is_label, said))):  # beside grades, it may be a topic
            grades[name] = [_label(one, name) for one in rows]
    grades = grades or {LABEL[0]: [None for _ in rows]}
    return best_by_all(row["prompt"], [_answer(one) for one in rows], grades, None)


def is_label(value: Any) -> bool:
    """Whether a value says that an answer is good, or that it is not."""
    return isinstance(value, bool) or (type(value) in (int, float) and value in (0, 1))


def _question(row: RawRow) -> tuple[bytes, Messages, str | None]:
    """A name for what a row asks, its messages, and what is wrong with the row."""
    try:
        if fault := fault_of(unread_columns(row, READ)):
            raise ValueError(fault)
        name = prompt_column(row)
        turns = asked(row, name)
        if name in CONVERSATIONS and turns[-1]["role"] == "assistant":
            turns = turns[:-1]
        return bytes.fromhex(digest("asked", turns)), turns, None
    except ValueError as error:
        return b"", [], str(error)


def _for_a_judge(rows: list[RawRow]) -> RawRow:
    """What stands beside each of the answers to judge by."""
    first = rows[0]
    return {
        name: first[name]
        for name in JUDGED
        if name in first and all(row.get(name) == first[name] for row in rows)
    }


def _answer(row: RawRow) -> str:
    for name in ANSWER:
        if row.get(name) is not None:
            return answer_to(row.get("prompt"), text_or_answer(name, row[name]))
    asked_in = prompt_column(row)
    last = chat_turns(row[asked_in])[-1] if asked_in in CONVERSATIONS else None
    if last is None or last["role"] != "assistant":
        raise ValueError("no answer in the row")
    return last["content"]


def _label(row: RawRow, name: str) -> float | None:
    value: Any = row.get(name)
    if value is None:
        return None
    if not is_label(value):
        raise ValueError(f"{name} is neither true nor false")
    return float(value)
