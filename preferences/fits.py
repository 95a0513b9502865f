"""What a value or a specimen of rows looks like: the questions by which shapes are told apart."""

from collections.abc import Callable
from typing import Any

from preferences.asked import QUESTIONS, prompt_column
from preferences.columns import is_empty
from preferences.preference import RawRow
from preferences.turns import in_roles, is_rendered


def is_text(value: Any) -> bool:
    """Whether a value is a text."""
    return isinstance(value, str)


def is_list_of(value: Any, fits: Callable[[Any], bool]) -> bool:
    """Whether a value is a list, not empty, of what fits."""
    return isinstance(value, list) and bool(value) and all(fits(item) for item in value)


def is_messages(value: Any) -> bool:
    """Whether a value is a message, or a list of messages."""
    return is_list_of(in_roles(value), lambda turn: isinstance(turn, dict) and "role" in turn)


def is_side(value: Any) -> bool:
    """Whether a value can be an answer: a text, a message, or messages."""
    return is_text(value) or is_messages(value)


def has(value: Any, *names: str) -> bool:
    """Whether a value is an object with these names."""
    return isinstance(value, dict) and all(name in value for name in names)


def holds(value: Any, *names: str) -> bool:
    """Whether a value is a list of objects with these names, or an object of such lists."""
    return has(value, *names) or is_list_of(value, lambda item: has(item, *names))


def any_of(row: RawRow, names: tuple[str, ...], fits: Callable[[Any], bool]) -> bool:
    """Whether one of the columns of a row fits."""
    return any(fits(row.get(name)) for name in names)


def asks(row: RawRow) -> bool:
    """Whether a column is the prompt. Where several may be, the rows will say."""
    try:
        return prompt_column(row) is not None
    except ValueError:
        return True


def kind_of_pair(row: RawRow) -> str | None:
    """The shape of a row with chosen and rejected, by what they and the prompt are."""
    sides = [row.get("chosen"), row.get("rejected")]
    if not all(map(is_side, sides)):
        return None
    texts, lists = all(map(is_text, sides)), all(isinstance(side, list) for side in sides)
    row = {**row, "chosen": None, "rejected": None}
    if not asks(row):
        if texts:
            return "hh_rlhf" if all(is_rendered(side) for side in sides) else None
        return None if any(map(is_text, sides)) else "trl_implicit_messages"
    prompt = row.get("prompt")
    if is_empty(prompt):
        asked = any_of(row, QUESTIONS, lambda value: not is_empty(value))
        return "question_and_texts" if texts and asked else "turns_and_answers"
    if is_text(prompt) and (texts or lists):
        return "trl_standard" if texts else "ultrafeedback_binarized"
    chat = is_list_of(prompt, lambda turn: has(turn, "role"))
    return "trl_conversational" if chat and lists else "turns_and_answers"
