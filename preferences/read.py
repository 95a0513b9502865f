"""Preference data in, whatever its shape."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import NamedTuple

from preferences.asked import ASKED
from preferences.columns import are, fault_of, unread_columns
from preferences.config import Data
from preferences.conversational import preference_fault, side_fault
from preferences.load import load_rows
from preferences.nearest import long_form, what_is_missing
from preferences.one_a_row import JUDGED, together
from preferences.preference import Preference, RawRow, Undecided
from preferences.shapes import ONE_A_ROW, SHAPES, recognise
from rounds.errors import UserError
from texts.chat_tokens import CHAT_TOKENS
from texts.messages import prompt_fault, text_fault

LOOKED_AT = 100
"""Rows that a shape is recognised by: the first ones may leave columns out."""

Located = tuple[str, RawRow]


class Malformed(NamedTuple):
    """A row that was left out because it cannot be trained on."""

    fault: str
    where: str


class Preferences(NamedTuple):
    """The shape that was recognised, and what the rows say, read as they are asked for."""

    shape: str
    rows: Iterator[Preference | Undecided | Malformed]


def read_preferences(source: Data | str, key: str) -> Preferences:
    """Read preference data through `datasets`, one row after another.

    `key` is the config key that named it. Raises UserError at once where there is nothing, or
    nothing that is recognised, and, as the rows are read, at the first malformed one, unless the
    source says to skip them.
    """
    source = Data.model_validate(source)
    rows = _renamed(load_rows(source, key), source)
    first = list(islice(rows, LOOKED_AT))
    if not first:
        raise UserError(f"{key}: {source} holds no rows")
    example = specimen([row for _, row in first])
    _check_names(source, key, example)
    shape = recognise(example)
    if shape is None:
        raise UserError(f"{key}: {source} {what_is_missing(example, source, key)}")
    if (shape == "hc3") != (source.prefer is not None):
        wrong = "does not say which answers are better: set prefer: human or chatgpt"
        other = f"prefer is for hc3, and it is of the shape {shape}"
        raise UserError(f"{key}: {source} {wrong if shape == 'hc3' else other}")
    _refuse_unknown(source, key, SHAPES[shape].reads, [row for _, row in first])
    all_rows: Iterator[Located] = chain(first, rows)
    if shape in ONE_A_ROW:
        all_rows = together(all_rows)
    return Preferences(shape, (_read(shape, source, where, row) for where, row in all_rows))


def _renamed(rows: Iterator[Located], source: Data) -> Iterator[Located]:
    for where, row in rows:
        try:
            yield where, source.renamed(row)
        except ValueError as error:
            raise UserError(f"{where}: columns: {error}") from error


def _check_names(source: Data, key: str, example: RawRow) -> None:
    """Raise UserError for a name under `columns` that none of the first rows has."""
    for our, their in source.columns.items():
        if our not in example:
            there = ", ".join(example)
            raise UserError(f"{key}.columns.{our}: {source} has no column {their} ({there})")


def _refuse_unknown(source: Data, key: str, read: tuple[str, ...], rows: list[RawRow]) -> None:
    """Raise UserError for columns of which nobody knows whether they change what was asked."""
    found = [unread_columns(row, (*read, *ASKED, *JUDGED)) for row in rows]
    if unknown := list(dict.fromkeys(name for one in found for name in one.unknown)):
        wrong = dict.fromkeys(name for one in found for name in one.wrong)
        line = long_form(source, key, ignore=list(wrong))
        raise UserError(
            f"{key}: {source}: {are(unknown)} not read, and may be part of what was asked; "
            f"put that into the prompt, or pass the columns over: {line}"
        )


def specimen(rows: list[RawRow]) -> RawRow:
    """For each column of the rows the first value that says something."""
    first_values: RawRow = {}
    for row in rows:
        for name, value in row.items():
            if first_values.get(name) in (None, []):
                first_values[name] = value
    return first_values


def _read(shape: str, source: Data, where: str, row: RawRow) -> Preference | Undecided | Malformed:
    try:
        if fault := fault_of(unread_columns(row, (*SHAPES[shape].reads, *ASKED, *JUDGED))):
            raise ValueError(fault)
        preference = SHAPES[shape].read(row)
        _check(preference)
        preference = _usable(preference)
    except ValueError as error:
        if source.skip_malformed:
            return Malformed(str(error), where)
        raise UserError(
            f"{where}: {error} (shape {shape}; with skip_malformed: true such rows are left out)"
        ) from error
    if source.prefer == "chatgpt" and isinstance(preference, Preference):
        chosen, rejected = preference.rejected, preference.chosen
        preference = preference._replace(chosen=chosen, rejected=rejected)
    reference, guidelines = _for_a_judge(row, "reference"), _for_a_judge(row, "guidelines")
    return preference._replace(where=where, reference=reference, guidelines=guidelines)


def _for_a_judge(row: RawRow, column: str) -> str | None:
    """What stands beside any shape to judge by; a column of that name that is no text is not it."""
    text = row.get(column)
    return text if isinstance(text, str) and not text_fault(text) else None


def _usable(preference: Preference | Undecided) -> Preference | Undecided:
    """The same, undecided where its answers cannot teach what it says."""
    if isinstance(preference, Preference):
        answers: tuple[str, ...] = (preference.chosen, preference.rejected)
    else:
        answers = preference.answers or ()
    if any(CHAT_TOKENS.search(answer) for answer in answers):
        return Undecided("chat_tokens", preference.prompt)
    if isinstance(preference, Preference) and answers[0].split() == answers[1].split():
        return Undecided("same_but_white_space", preference.prompt)
    return preference


def _check(preference: Preference | Undecided) -> None:
    """Raise ValueError where a part of it cannot be trained on."""
    if isinstance(preference, Preference):
        fault = preference_fault(
            {
                "prompt": preference.prompt,
                "chosen": [{"role": "assistant", "content": preference.chosen}],
                "rejected": [{"role": "assistant", "content": preference.rejected}],
            }
        )
    else:
        fault = prompt_fault(preference.prompt)
        for answer in preference.answers or ():
            wrong = side_fault([{"role": "assistant", "content": answer}])
            fault = fault or (wrong and f"an answer {wrong}")
    if fault:
        raise ValueError(fault)
