"""Preference rows whose two answers stand under other names than chosen and rejected."""

from preferences.answered import pair
from preferences.preference import Preference, RawRow, Undecided, text_of
from preferences.turns import chat_turns
from rounds.rows import Messages
from texts.rendered import rendered_messages


def response_names(row: RawRow) -> Preference | Undecided:
    """chosen_response over rejected_response, as Argilla names them."""
    return pair(row, "chosen_response", "rejected_response")


def stack_exchange_paired(row: RawRow) -> Preference | Undecided:
    """response_j over response_k: the answer with more votes over the other one."""
    return pair(row, "response_j", "response_k")


def rejected_response(row: RawRow) -> Preference | Undecided:
    """ms-swift: the better answer ends `messages`, or is the `response`."""
    if row.get("messages") is None:
        return pair({**row, "chosen": row.get("response"), "response": None}, *_SWIFT)
    turns = chat_turns(row["messages"])
    if turns[-1]["role"] != "assistant" or len(turns) < 2:
        raise ValueError("messages do not end with the answer that is better")
    return pair({**row, "messages": turns[:-1], "chosen": turns[-1]["content"]}, *_SWIFT)


def rejected_messages(row: RawRow) -> Preference | Undecided:
    """ms-swift: two whole conversations."""
    return pair(row, "messages", "rejected_messages")


def rendered(row: RawRow) -> Preference | Undecided:
    """chosen and rejected as dialogues in one text (HH-RLHF, arXiv 2204.05862, or what a chat
    template wrote); without their last turn they must be equal.
    """
    sides = {side: _dialogue(row, side) for side in ("chosen", "rejected")}
    return pair({**row, **sides})


def _dialogue(row: RawRow, side: str) -> Messages:
    turns = rendered_messages(text_of(row, side))
    if turns is None:
        raise ValueError(f"{side} has no marks of turns, as Human: and Assistant:")
    if turns[-1]["role"] != "assistant":
        raise ValueError(f"{side} does not end with the assistant's turn")
    return turns


_SWIFT = ("chosen", "rejected_response")
