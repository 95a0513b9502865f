"""What stands beside the prompt in a row or a table: read, harmless, or a mistake.

What is read of the question, and what may go unread, is the same for prompts as for preferences
(`preferences.asked`, `preferences.columns`). A prompt file has three columns more, and a name that
is nearly one of these is a mistake.
"""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from preferences.asked import ASKED, SYSTEMS
from preferences.columns import fault_of, is_empty, kind_by_name, unread_columns
from rounds.errors import UserError, did_you_mean

JUDGE_COLUMNS = ("reference", "guidelines")
"""What a value may say for the judge, beside the prompt."""

READ = (*JUDGE_COLUMNS, "tags")

SIMILARITY = 0.8
"""Of two names, by difflib, from which one is the other misspelt."""

OTHER_WORDS = {"preference", "preferences", "difference", "inference"}
"""Near to `reference`, and no misspelling of it."""


def unread_names(where: str, row: Mapping[str, Any], prompt: str) -> set[str]:
    """The names in a row that nobody reads; `prompt` is where the prompt stands.

    Raises UserError for names that should not go unread, all of them at once.
    """
    unread = unread_columns(row, (*ASKED, *READ, prompt))
    for name in (*unread.wrong, *unread.harmless):
        if (meant := _misspelt(name, row)) and not is_empty(row[name]):
            raise UserError(
                f"{where}: {name!r} is not read; did you mean {meant}? If not, list it under "
                "`ignore` of the source"
            )
    if fault := fault_of(unread):
        raise UserError(f"{where}: {fault}")
    return set(unread.harmless)


def looked_at(names: Collection[str], prompt: str) -> list[str]:
    """The columns of a table to read: all but those that ask nothing whatever stands there.

    Raises ValueError for one that stands twice.
    """
    read = (prompt, *READ, *ASKED)
    wanted = [
        name
        for name in dict.fromkeys(names)
        if name in read or kind_by_name(name) != "annotation" or _misspelt(name, names)
    ]
    twice = [name for name in wanted if list(names).count(name) > 1]
    if wrong := [name for name in twice if name in read or kind_by_name(name) != "label"]:
        raise ValueError(f"the column {wrong[0]!r} stands twice; rename or remove one")
    return [name for name in wanted if name not in twice]


def missing_prompt(row: Mapping[str, Any]) -> str:
    """What to say of a row without a prompt: which names it has, and the nearest right one, or
    which of them hold nothing.
    """
    hints = (did_you_mean(wanted, row) for wanted in ("prompt", "messages"))
    said = next((hint for hint in hints if hint), "")
    if empty := [name for name, value in row.items() if is_empty(value)]:
        said = f"nothing in {', '.join(empty)}"
    listed = ", ".join(row) or "none"
    return f"no prompt in it (there are {listed}" + (f"; {said})" if said else ")")


def _misspelt(name: str, names: Collection[str]) -> str | None:
    """What a name is nearly, of those that are read and that are not there as well."""
    lower = name.lower()
    near = (
        [] if lower in OTHER_WORDS else get_close_matches(lower, (*READ, *SYSTEMS), 1, SIMILARITY)
    )
    return near[0] if near and near[0] not in names else None
