"""What stands beside the prompt in a row or a table: read, harmless, or a mistake.

Data has columns of its own (id, source, category) that may stand there. Two kinds may not: a name
that is nearly one that is read, and a name of what would change the question, since it would not.
"""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from rounds.errors import UserError, did_you_mean

PROMPT_COLUMNS = ("prompt", "messages")
"""Where the prompt stands, unless `column` says so; the first that is there."""

JUDGE_COLUMNS = ("reference", "guidelines")
"""What a value may say for the judge, beside the prompt."""

READ = (*JUDGE_COLUMNS, "tags")

SYSTEM = ("system", "system_prompt", "system_message")
OF_THE_QUESTION = ("instruction", "input", "context", "history", "tools", "images")
"""What data of others asks besides the prompt."""

OF_A_TURN = ("tool_calls", "tool_call_id", "function_call", "images", "audio")

SIMILARITY = 0.8
"""Of two names, by difflib, from which one is the other misspelt."""

OTHER_WORDS = {"preference", "preferences", "difference", "inference"}
"""Near to `reference`, and no misspelling of it."""


def unread_names(
    where: str, names: Collection[str], prompt: str, ignore: Collection[str], values: Any = None
) -> set[str]:
    """The names in a row, or of a table's columns, that nobody reads, but for those to `ignore`.

    `prompt` is where the prompt stands, `values` what stands at the names, where that is known: an
    empty value asks nothing. Raises UserError for a name that should not go unread.
    """
    unread = {name for name in names if name not in (*READ, *PROMPT_COLUMNS, prompt, *ignore)}
    for name in unread:
        if values is not None and not values[name]:
            continue
        if fault := _fault(name, names):
            raise UserError(
                f"{where}: {name!r} is not read; {fault}. If it is no part of the question, list "
                "it under `ignore` of the source"
            )
    return unread


def missing_prompt(names: Collection[str]) -> str:
    """What to say of a row without a prompt: which names it has, and the nearest right one."""
    hints = (did_you_mean(wanted, names) for wanted in PROMPT_COLUMNS)
    near = next((hint for hint in hints if hint), "")
    listed = ", ".join(names) or "none"
    return f"no prompt in it (there are {listed}" + (f"; {near})" if near else ")")


def check_turn(where: str, turn: Mapping[str, Any]) -> None:
    """Raise UserError for a message with more in it than a text."""
    for name in OF_A_TURN:
        if turn.get(name):
            raise UserError(
                f"{where}: a message with {name}, which are not read; prompts are texts alone"
            )


def _fault(name: str, names: Collection[str]) -> str | None:
    """Why a name should be read, and how it would be."""
    lower = name.lower()
    near = [] if lower in OTHER_WORDS else get_close_matches(lower, (*READ, *SYSTEM), 1, SIMILARITY)
    if near and near[0] in SYSTEM:
        return "a system turn is a message of the prompt, or `system` of the source"
    if near and near[0] not in names:
        return f"did you mean {near[0]}?"
    if lower in OF_THE_QUESTION:
        return "what the model is to see goes into the prompt"
    return None
