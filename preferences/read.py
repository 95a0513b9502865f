"""Preference data in, whatever its shape."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import NamedTuple

from preferences.config import Data
from preferences.conversational import fault, side_fault
from preferences.load import load_rows
from preferences.preference import Preference, Undecided
from preferences.scored import one_answer_a_row
from preferences.shapes import SHAPES, recognise
from preferences.text_alone import beside_text
from rounds.errors import UserError
from rounds.tables import Row
from texts.chat_tokens import CHAT_TOKENS
from texts.messages import prompt_fault

LOOKED_AT = 100
"""Rows that a shape is recognised by: the first ones may leave columns out."""

Located = tuple[str, Row]


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
    rows = load_rows(source, key)
    first = list(islice(rows, LOOKED_AT))
    if not first:
        raise UserError(f"{key}: {source} holds no rows")
    shape = recognise(specimen([row for _, row in first]))
    if shape is None:
        known = "; ".join(f"{name} ({one.columns})" for name, one in SHAPES.items())
        columns = ", ".join(dict.fromkeys(name for _, row in first for name in row))
        raise UserError(f"{key}: {source} has the columns {columns}; known shapes are {known}")
    if (shape == "hc3") != (source.prefer is not None):
        wrong = "does not say which answers are better: set prefer: human or chatgpt"
        other = f"prefer is for hc3, and it is of the shape {shape}"
        raise UserError(f"{key}: {source} {wrong if shape == 'hc3' else other}")
    every: Iterator[Located] = chain(first, rows)
    if shape == "one_answer_a_row":
        every = one_answer_a_row(every)
    return Preferences(shape, (_read(shape, source, where, row) for where, row in every))


def specimen(rows: list[Row]) -> Row:
    """For each column of the rows the first value that says something."""
    found: Row = {}
    for row in rows:
        for name, value in row.items():
            if found.get(name) in (None, []):
                found[name] = value
    return found


def _read(shape: str, source: Data, where: str, row: Row) -> Preference | Undecided | Malformed:
    try:
        if wrong := beside_text(row):
            raise ValueError(wrong)
        said = SHAPES[shape].read(row)
        _checked(said)
        said = _of_use(said)
    except ValueError as error:
        if source.skip_malformed:
            return Malformed(str(error), where)
        raise UserError(
            f"{where}: {error} (shape {shape}; with skip_malformed: true such rows are left out)"
        ) from error
    if source.prefer == "chatgpt" and isinstance(said, Preference):
        said = said._replace(chosen=said.rejected, rejected=said.chosen)
    return said._replace(where=where)


def _of_use(said: Preference | Undecided) -> Preference | Undecided:
    """What was said, undecided where its answers cannot teach it."""
    both = (said.chosen, said.rejected) if isinstance(said, Preference) else said.answers or ()
    if any(CHAT_TOKENS.search(answer) for answer in both):
        return Undecided("chat_tokens", said.prompt)
    if isinstance(said, Preference) and said.chosen.split() == said.rejected.split():
        return Undecided("same_but_white_space", said.prompt)
    return said


def _checked(said: Preference | Undecided) -> None:
    if isinstance(said, Preference):
        wrong = fault(
            {
                "prompt": said.prompt,
                "chosen": [{"role": "assistant", "content": said.chosen}],
                "rejected": [{"role": "assistant", "content": said.rejected}],
            }
        )
    else:
        wrong = prompt_fault(said.prompt)
        for answer in said.answers or ():
            turn = {"role": "assistant", "content": answer}
            wrong = wrong or ((found := side_fault([turn])) and f"an answer {found}")
    if wrong:
        raise ValueError(wrong)
