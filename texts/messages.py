"""What makes chat messages a prompt."""

from typing import Any

from texts.normal import plain

ROLES = ("system", "user", "assistant")


def prompt_fault(messages: Any) -> str | None:
    """What keeps a value from being a prompt (a list of chat messages), or None."""
    if fault := turns_fault(messages):
        return fault
    if messages[-1]["role"] != "user":
        return "the last message is not the user's"
    if not plain(messages[-1]["content"]):
        return "an empty prompt"
    return None


def turns_fault(messages: Any) -> str | None:
    """What keeps a value from being a list of chat messages, whoever has the last word, or None."""
    if not isinstance(messages, list) or not messages:
        return "no prompt in it"
    for turn in messages:
        if not isinstance(turn, dict) or not isinstance(turn.get("content"), str):
            return "a message without text content"
        if turn.get("role") not in ROLES:
            return f"role {turn.get('role')!r} is none of {', '.join(ROLES)}"
        if text_fault(turn["content"]):
            return text_fault(turn["content"])
    return None


def text_fault(text: str) -> str | None:
    """What keeps a text from being written to a table, or None."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "half a character (a lone surrogate) in the text"
    return None
