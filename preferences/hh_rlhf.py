"""Dialogues in one text, as HH-RLHF (arXiv 2204.05862) writes them."""

import re

from rounds.rows import Messages

TURN = re.compile(r"\n\n(Human|Assistant):")
ROLES = {"Human": "user", "Assistant": "assistant"}


def answered_dialogue(text: str, side: str) -> Messages:
    """The messages of a transcript. Raises ValueError where it does not end with an answer."""
    messages = dialogue(text, side)
    if messages[-1]["role"] != "assistant":
        raise ValueError(f"{side} does not end with the Assistant's turn")
    return messages


def is_transcript(text: str) -> bool:
    """Whether a text is written as HH-RLHF writes a dialogue."""
    return text.lstrip().startswith("Human:")


def prompt_messages(text: str) -> Messages:
    """The messages of a prompt that is a transcript; "Assistant:" at its end is no message."""
    messages = dialogue(text, "prompt")
    open_ended = messages[-1] == {"role": "assistant", "content": ""}
    return messages[:-1] if open_ended else messages


def dialogue(text: str, side: str) -> Messages:
    """The messages of a text, whoever has the last word. Raises ValueError where it is none."""
    before, *parts = TURN.split("\n\n" + text.lstrip())
    if before.strip() or not parts:
        raise ValueError(f"{side} does not begin with Human: or Assistant:")
    turns = zip(parts[::2], parts[1::2], strict=True)
    return [{"role": ROLES[speaker], "content": content.strip()} for speaker, content in turns]
