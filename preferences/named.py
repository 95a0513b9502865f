"""Preference rows whose two answers stand under other names than chosen and rejected."""

from preferences import hh_rlhf
from preferences.answered import pair
from preferences.asked import beside
from preferences.preference import Preference, RawRow, Undecided, text_of
from preferences.turns import chat_turns


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


def transcripts(row: RawRow) -> Preference:
    """chosen and rejected as "\\n\\nHuman: ...\\n\\nAssistant: ..."; without their last turn
    they must be equal.
    """
    chosen, rejected = (
        hh_rlhf.answered_dialogue(text_of(row, side), side) for side in ("chosen", "rejected")
    )
    if chosen[:-1] != rejected[:-1]:
        raise ValueError("chosen and rejected do not answer the same dialogue")
    turns = beside(row, chosen[:-1])
    return Preference(turns, chosen[-1]["content"], rejected[-1]["content"])


_SWIFT = ("chosen", "rejected_response")
