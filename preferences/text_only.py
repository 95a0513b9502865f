"""Messages with more than text in them: read without it, they would say something else."""

from collections.abc import Mapping
from typing import Any

OF_A_MESSAGE = (
    *("function_call", "tools", "tool_calls", "tool_call_id", "image", "images", "video", "videos"),
    *("audio", "audios"),
)
NOTHING: tuple[Any, ...] = ("", "[]", "{}", [], {})


def messages_beyond_text(messages: Any) -> str | None:
    """What messages hold that cannot be trained on as text, a content in parts included, or None.

    None for what is no list of messages as well.
    """
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
