"""Rows and messages with more than text in them: read without it, they would say something else."""

from typing import Any

from rounds.tables import Row

OF_A_ROW = ("tools", "tool_calls", "image", "images", "video", "videos", "audio", "audios")
OF_A_MESSAGE = ("function_call", *OF_A_ROW)
NOTHING: tuple[Any, ...] = ("", "[]", "{}", [], {})


def beside_text(row: Row) -> str | None:
    """What a row holds that cannot be trained on as text, or None."""
    return _first(row, OF_A_ROW)


def beside_words(turns: Any) -> str | None:
    """The same of messages, a content in parts included; None for what is no list of messages."""
    for turn in turns if isinstance(turns, list) else ():
        if isinstance(turn, dict):
            if isinstance(turn.get("content"), list):
                return "content is a list of parts, and prefloop trains on text alone"
            if found := _first(turn, OF_A_MESSAGE):
                return found
    return None


def _first(holder: Row, names: tuple[str, ...]) -> str | None:
    for name in names:
        value = holder.get(name)
        if value is not None and not (isinstance(value, str | list | dict) and value in NOTHING):
            return f"{name} is not empty, and prefloop trains on text alone"
    return None
