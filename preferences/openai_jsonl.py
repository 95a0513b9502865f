"""OpenAI's preference format: an input with messages, a preferred and a non-preferred output."""

from preferences.asked import beside
from preferences.preference import Preference, RawRow, answer_of, dict_of
from preferences.turns import chat_turns


def preference(row: RawRow) -> Preference:
    """One row; each output is one assistant message."""
    given = dict_of(row, "input")
    if given.get("tools"):
        raise ValueError("input.tools is not empty, and prefloop trains on text alone")
    return Preference(
        beside(row, chat_turns(given.get("messages")), "input"),
        answer_of("preferred_output", row.get("preferred_output")),
        answer_of("non_preferred_output", row.get("non_preferred_output")),
    )
