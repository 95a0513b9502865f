"""Rows and messages with more than text in them: read without it, they would say something else."""

from collections.abc import Mapping
from typing import Any

OF_A_ROW = ("tools", "tool_calls", "image", "images", "video", "videos", "audio", "audios")
OF_A_MESSAGE = ("function_call", *OF_A_ROW)
NOTHING: tuple[Any, ...] = ("", "[]", "{}", [], {})


def row_beyond_text(row: Mapping[str, Any]) -> str | None:
    """What a row holds that cannot be trained on as text, or None."""
    return _first_filled(row, OF_A_ROW)


def messages_beyond_text(messages: Any) -> str | None:
    """The same of messages, a content in parts included; None for what is no list of messages."""
    for turn in messages if isinstance(messages, list) else ():
        if isinstance(turn, dict):
            if isinstance(turn.get("content"), list):
                return "content is a list of parts, and prefloop trains on text alone"
            if fault := _first_filled(turn, OF_A_MESSAGE):
                return fault
    return None


def _first_filled(holder: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = holder.get(name)
        if value is not None and not (isinstance(value, str | list | dict) and value in NOTHING):
            return f"{name} is not empty, and prefloop trains on text alone"
    return None
