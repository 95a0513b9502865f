"""Two answers to what a row asks, the better one in a column of its own."""

from typing import Any

from preferences.asked import asked, beside, prompt_column, with_system_of
from preferences.lines import NOTHING
from preferences.preference import (
    Preference,
    RawRow,
    Undecided,
    name_of,
    scores_of,
    text_or_answer,
)
from preferences.turns import (
    answer_to,
    chat_turns,
    ends_with,
    in_roles,
    is_rendered,
    turns_of,
    without_system,
)
from rounds.rows import Messages
from texts.rendered import rendered_messages

TIES = ("tie", "is_tie")
"""Columns that say of a row whether its sides are equally good, in the words below."""
IS_TIE = {"true", "yes", "1", "1.0", "tie"}
IS_NONE = {"false", "no", "0", "0.0", *NOTHING}

SAME_BEGINNING = 12
"""Characters that two whole conversations in one text each begin with."""


def pair(row: RawRow, chosen: str = "chosen", rejected: str = "rejected") -> Preference | Undecided:
    """A preference out of the columns of the better and of the worse answer.

    A side is a text, a message, or messages: the answer alone, the answer behind turns that both
    sides have, or the whole conversation. Without a column for the prompt both are whole.
    """
    name = prompt_column({**row, chosen: None, rejected: None})
    sides = [(side, row.get(side)) for side in (chosen, rejected)]
    one, other = _conversations(sides)
    if one and other and (turns := _in_common(row, name, one, other, sides)):
        turns = beside(row, turns, *filter(None, [name]), chosen, rejected)
        return _told(row, turns, one[-1:], other[-1:], sides)
    if name is None and "prompt" not in row:
        raise ValueError("no column is the prompt")
    name = name or "prompt"
    turns = asked(row, name, chosen, rejected)
    first, second = (in_roles(value) for _, value in sides)
    if lead := _lead(first, second):
        turns, first, second = [*turns, *lead], first[-1:], second[-1:]
    if is_rendered(row[name]):
        first, second = (
            answer_to(row[name], text) if isinstance(text, str) else text
            for text in (first, second)
        )
    return _told(row, turns, first, second, sides)


def _told(
    row: RawRow, turns: Messages, first: Any, second: Any, sides: list[tuple[str, Any]]
) -> Preference | Undecided:
    better = text_or_answer(sides[0][0], first, second)
    worse = text_or_answer(sides[1][0], second, first)
    if _is_tie(row):
        return Undecided("tie", turns, (better, worse))
    return Preference(turns, better, worse, *scores_of(row), name_of(row))


def _is_tie(row: RawRow) -> bool:
    """Whether the row says that its sides are equally good, written as people write it."""
    for name in TIES:
        said = str(row.get(name)).strip().lower()
        if said in IS_TIE:
            return True
        if said not in IS_NONE:
            raise ValueError(f"{name} is neither true nor false (it is {said[:40]!a})")
    return str(row.get("status")).strip().lower() == "tie"  # distilabel's


def _conversations(sides: list[tuple[str, Any]]) -> tuple[Messages | None, Messages | None]:
    """The two sides as conversations; texts that do not begin alike are none, and not looked at."""
    begin = {value.lstrip()[:SAME_BEGINNING] for _, value in sides if isinstance(value, str)}
    if len(begin) > 1:
        return None, None
    one, other = (_conversation(side, value) for side, value in sides)
    return one, other


def _conversation(side: str, value: Any) -> Messages | None:
    """The messages of a side that begins with what was asked; None where it does not."""
    if isinstance(value, str):
        try:
            dialogue = rendered_messages(value)
        except ValueError:
            dialogue = None
        is_whole = dialogue and dialogue[-1]["role"] == "assistant"
        return dialogue if is_whole else None
    turns = in_roles(value)
    if not isinstance(turns, list) or len(turns) < 2 or not isinstance(turns[0], dict):
        return None
    if turns[0].get("role") not in ("system", "user"):
        return None
    try:
        return chat_turns(turns)
    except ValueError as error:
        raise ValueError(f"{side}: {error}") from error


def _in_common(
    row: RawRow, name: str | None, one: Messages, other: Messages, sides: list[tuple[str, Any]]
) -> Messages | None:
    """What two conversations answer; None for two texts that answer the prompt beside them."""
    texts = any(isinstance(value, str) for _, value in sides)
    (chosen, _), (rejected, _) = sides
    if one[:-1] != other[:-1]:
        if texts:
            return None
        raise ValueError(f"{chosen} and {rejected} do not answer the same conversation")
    if name is None:
        return one[:-1]
    own = turns_of(row[name])
    own = own[:-1] if len(own) > 1 and own[-1]["role"] == "assistant" else own
    question, core = without_system(own), without_system(one[:-1])
    begins = core[: len(question)] == question
    if begins or ends_with(core, question) or (len(question) == 1 and question[0] in core):
        return with_system_of(one[:-1], own)
    if texts:
        return None
    raise ValueError(
        f"{name} is not in the conversations of {chosen} and {rejected}; expected the answers "
        "alone, or what was asked in front of both"
    )


def _lead(first: Any, second: Any) -> Messages:
    """The turns in front of the last that two answers of several messages have in common."""
    both = isinstance(first, list) and isinstance(second, list) and len(first) == len(second)
    if not both or len(first) < 2 or first[:-1] != second[:-1]:
        return []
    turns = chat_turns(first[:-1])
    return turns if turns[0]["role"] == "assistant" and turns[-1]["role"] == "user" else []
