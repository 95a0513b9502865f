"""What TRL expects of a preference row, checked: TRL itself trains on much that is wrong.

A chosen list that still holds the user turn is trained on as if it were the answer, identical
sides train quietly at loss 0.6931, an empty completion is accepted.
"""

from rounds.tables import Row


def fault(row: Row) -> str | None:
    """What is wrong with a preference row, or None."""
    prompt = row["prompt"]
    if not prompt or prompt[-1]["role"] != "user":
        return "the prompt does not end with the user's turn"
    for side in ("chosen", "rejected"):
        turns = row[side]
        if not turns or len(turns) != 1:
            return f"{side} is not one message"
        if turns[0]["role"] != "assistant":
            return f"{side} is a {turns[0]['role']} message, not the assistant's"
        if not turns[0]["content"].strip():
            return f"{side} is empty"
    if row["chosen"] == row["rejected"]:
        return "chosen and rejected are the same"
    return None
