"""What TRL expects of a preference row, checked: TRL itself trains on much that is wrong.

A chosen list that still holds the user turn is trained on as if it were the answer, identical
sides train quietly at loss 0.6931, an empty completion is accepted.
"""

from collections.abc import Mapping
from typing import Any

from texts.messages import prompt_fault, text_fault


def preference_fault(row: Mapping[str, Any]) -> str | None:
    """What is wrong with a preference row of TRL's conversational form, or None."""
    prompt = row["prompt"]
    if wrong := prompt_fault(prompt):
        return f"the prompt: {wrong}"
    for side in ("chosen", "rejected"):
        if wrong := side_fault(row[side]):
            return f"{side} {wrong}"
    if row["chosen"] == row["rejected"]:
        return "chosen and rejected are the same"
    return None


def side_fault(messages: Any) -> str | None:
    """What keeps a value from being an answer (a list with one assistant message), or None."""
    if (
        not isinstance(messages, list)
        or not messages
        or not all(isinstance(turn, dict) for turn in messages)
    ):
        return "is not a list with one assistant message"
    role = messages[0].get("role")
    if len(messages) > 1 and role != "assistant":
        return f"begins with a {role} message: the prompt belongs in prompt alone"
    if len(messages) > 1:
        return f"holds {len(messages)} messages; one answer of the assistant is expected"
    if role != "assistant":
        return f"is a {role} message, not the assistant's"
    content = messages[0].get("content")
    if not isinstance(content, str):
        return "has no text"
    if wrong := text_fault(content):
        return f"has {wrong}"
    return None if content.strip() else "is empty"
