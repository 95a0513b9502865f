"""A kept pair in the shape of a public kind of preference data.

The shapes: TRL's conversational format, the columns of UltraFeedback-binarized, and the lines that
OpenAI's preference fine-tuning takes (Together and Fireworks take the same file).
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from preferences.preference import RawRow
from rounds.files import json_text
from rounds.rows import Pair
from rounds.schema import MESSAGES, PAIR_COLUMNS, Column
from texts.messages import ROLES, text_fault

NOT_EXPORTED = {"candidate_ids", "verdict_ids"}
"""Columns of a pair that name rows of tables which are not exported."""

TRL = [column for column in PAIR_COLUMNS if column.name not in NOT_EXPORTED]

ULTRAFEEDBACK = [
    Column("prompt", pa.string(), "the user's last message"),
    Column("prompt_id", pa.string(), "hash of the whole prompt"),
    Column("chosen", MESSAGES, "the whole conversation with the preferred answer"),
    Column("rejected", MESSAGES, "the whole conversation with the other answer"),
    Column("messages", MESSAGES, "the same as chosen"),
    Column("score_chosen", pa.float64(), "screen score of chosen; null without a screen"),
    Column("score_rejected", pa.float64(), "the same of rejected"),
]

LINE_ENDS = {ord(letter): f"\\u{ord(letter):04x}" for letter in "\x85\u2028\u2029"}
"""What JSON leaves as it is and many a reader of lines takes for the end of one."""


def trl_row(pair: Pair) -> RawRow:
    """A pair as TRL reads it, with the ids and scores behind it."""
    row: Mapping[str, Any] = pair
    return {column.name: row[column.name] for column in TRL}


def ultrafeedback_row(pair: Pair) -> RawRow:
    """A pair in the columns of UltraFeedback-binarized, system and earlier turns included."""
    chosen = [*pair["prompt"], *pair["chosen"]]
    rejected = [*pair["prompt"], *pair["rejected"]]
    return {
        "prompt": pair["prompt"][-1]["content"],
        "prompt_id": pair["prompt_id"],
        "chosen": chosen,
        "rejected": rejected,
        "messages": chosen,
        "score_chosen": pair["score_chosen"],
        "score_rejected": pair["score_rejected"],
    }


def openai_row(pair: Pair) -> RawRow:
    """A pair in OpenAI's preference format."""
    return {
        "input": {"messages": pair["prompt"], "tools": [], "parallel_tool_calls": True},
        "preferred_output": pair["chosen"],
        "non_preferred_output": pair["rejected"],
    }


def json_line(row: RawRow) -> str:
    """A row as one line, whatever a reader takes for the end of a line."""
    return json_text(row).translate(LINE_ENDS) + "\n"


def openai_fault(row: RawRow) -> str | None:
    """What OpenAI's preference format does not allow in a row, or None.

    The rules of the guide to direct preference optimization: one turn of text is trained on, so
    the input ends with the user, and each output is one assistant message.
    """
    if row.keys() != {"input", "preferred_output", "non_preferred_output"}:
        return "its keys are not input, preferred_output and non_preferred_output"
    if row["input"].keys() != {"messages", "tools", "parallel_tool_calls"}:
        return "input has other keys than messages, tools and parallel_tool_calls"
    if not (messages := row["input"]["messages"]):
        return "input has no messages"
    for number, message in enumerate(messages, 1):
        if fault := _message_fault(message):
            return f"input, message {number}: {fault}"
    if messages[-1]["role"] != "user":
        return f"input ends with a message of the {messages[-1]['role']}, not of the user"
    for side in ("preferred_output", "non_preferred_output"):
        if len(row[side]) != 1:
            return f"{side} has {len(row[side])} messages, not one"
        if fault := _message_fault(row[side][0]):
            return f"{side}: {fault}"
        if row[side][0]["role"] != "assistant":
            return f"{side} is a message of the {row[side][0]['role']}, not of the assistant"
    if row["preferred_output"] == row["non_preferred_output"]:
        return "both outputs are the same"
    return None


def _message_fault(message: RawRow) -> str | None:
    if message.keys() != {"role", "content"}:
        return "a message has a role and a content, and nothing else"
    if message["role"] not in ROLES:
        return f"role {message['role']!r} is none of {', '.join(ROLES)}"
    if not isinstance(message["content"], str) or not message["content"].strip():
        return f"the {message['role']} says nothing"
    return text_fault(message["content"])
