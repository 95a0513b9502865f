"""Messages with more than text in them: read without it, they would say something else."""

from collections.abc import Mapping
from typing import Any

from preferences.columns import BEYOND_TEXT, OF_THE_QUESTION, is_empty, words_of

TOLD = BEYOND_TEXT | OF_THE_QUESTION
"""A key of a message with one of these words in its name says more than its text does."""


def messages_beyond_text(messages: Any) -> str | None:
    """What messages hold that cannot be trained on as text, a content in parts included, or None.

    None for what is no list of messages as well.
    """
    for turn in messages if isinstance(messages, list) else ():
        if isinstance(turn, dict):
            if isinstance(turn.get("content"), list):
                return "content is a list of parts, and prefloop trains on text alone"
            if fault := _first_filled(turn):
                return fault
    return None


def _first_filled(message: Mapping[str, Any]) -> str | None:
    for name, value in message.items():
        if isinstance(name, str) and TOLD & set(words_of(name)) and not is_empty(value):
            return f"{name} is not empty, and prefloop trains on text alone"
    return None
