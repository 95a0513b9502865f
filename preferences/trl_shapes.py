"""The forms of TRL's preference datasets: standard, conversational, and with an implicit prompt."""

import os
from typing import Any

from preferences.hh_rlhf import is_transcript, prompt_messages
from preferences.preference import (
    Preference,
    RawRow,
    answer_of,
    list_of,
    name_of,
    optional_text,
    prompt_of,
    scores_of,
    text_of,
)
from preferences.text_only import messages_beyond_text
from rounds.rows import Messages

QUESTIONS = ("question", "instruction", "input")
PROMPT_LIKE = (
    *("prompt", "query", "history", "trajectory", "messages", "conversation", "conversations"),
    *(*QUESTIONS, "system"),
)
"""Columns that hold what was asked, or a part of it."""


def standard(row: RawRow) -> Preference:
    """Three texts, and maybe the text of a system turn."""
    return _texts(row, text_of(row, "prompt"))


def question(row: RawRow) -> Preference:
    """The same with the prompt under another name. Raises ValueError where it has several."""
    columns = filled(row, PROMPT_LIKE) - {"system"}
    if len(columns) != 1 or not columns.issubset(QUESTIONS):
        raise ValueError(f"one of {', '.join(QUESTIONS)} is the prompt, and no other column")
    return _texts(row, text_of(row, columns.pop()))


def filled(row: RawRow, names: tuple[str, ...]) -> set[str]:
    """Which of the columns hold anything."""
    return {name for name in names if row.get(name) not in (None, "", [], {})}


def _texts(row: RawRow, text: str) -> Preference:
    system = optional_text(row, "system")
    before: Messages = [{"role": "system", "content": system}] if system.strip() else []
    turns = prompt_messages(text) if is_transcript(text) else [{"role": "user", "content": text}]
    sides = text_of(row, "chosen"), text_of(row, "rejected")
    return Preference(prompt_of([*before, *turns]), *sides, *scores_of(row), name_of(row))


def conversational(row: RawRow) -> Preference:
    """The prompt's messages, and one assistant message on each side."""
    sides = answer_of("chosen", row.get("chosen")), answer_of("rejected", row.get("rejected"))
    return Preference(prompt_of(row.get("prompt")), *sides, *scores_of(row), name_of(row))


def implicit_messages(row: RawRow) -> Preference:
    """Two conversations that differ in the last answer; what comes before it is the prompt."""
    prompt, chosen, rejected = two_endings(row)
    return Preference(prompt_of(prompt), chosen, rejected, *scores_of(row), name_of(row))


def implicit_texts(row: RawRow) -> Preference:
    """Two texts; the words that both begin with are the prompt.

    Raises ValueError where another column holds what was asked.
    """
    if columns := filled(row, PROMPT_LIKE):
        raise ValueError(f"{', '.join(sorted(columns))}: what was asked is not in the texts alone")
    chosen, rejected = text_of(row, "chosen"), text_of(row, "rejected")
    if chosen == rejected:
        raise ValueError("chosen and rejected are the same")
    common = os.path.commonprefix([chosen, rejected])
    words = common.rsplit(None, 1)
    if not common[-1:].isspace() and words:  # the last word may go on differently
        common = common[: common.rindex(words[-1])]
    sides = chosen[len(common) :], rejected[len(common) :]
    return Preference(prompt_of(common.rstrip()), *sides, *scores_of(row), name_of(row))


def two_endings(row: RawRow) -> tuple[list[dict[str, Any]], str, str]:
    """What chosen and rejected, whole conversations, have in common, and their last answers."""
    chosen, rejected = _conversation(row, "chosen"), _conversation(row, "rejected")
    if chosen[:-1] != rejected[:-1]:
        raise ValueError("chosen and rejected do not answer the same conversation")
    return chosen[:-1], answer_of("chosen", chosen[-1:]), answer_of("rejected", rejected[-1:])


def _conversation(row: RawRow, side: str) -> list[dict[str, Any]]:
    turns = list_of(row, side)
    if not all(isinstance(turn, dict) for turn in turns):
        raise ValueError(f"{side} is not a list of messages")
    if wrong := messages_beyond_text(turns):
        raise ValueError(f"{side}: {wrong}")
    return [{name: turn.get(name) for name in ("role", "content")} for turn in turns]
