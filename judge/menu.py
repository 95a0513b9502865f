"""What a judge may say: the closed set of verdicts of one question, and the schema for it."""

import re
from string import ascii_uppercase
from typing import Any, NamedTuple

Value = str | int


class Choice(NamedTuple):
    """One of some words; each means a value (A, B or tie as shown, or a number)."""

    words: dict[str, Value]


class Ranking(NamedTuple):
    """All of the first `n` labels, best first; its value is the labels in a row: CAB."""

    n: int


Menu = Choice | Ranking

LABELS = ascii_uppercase
"""Names of the answers of a list, in the order shown."""

PAIRWISE = Choice({"A": "A", "B": "B", "tie": "tie"})

ONE_TOKEN_PAIRWISE = Choice({"A": "A", "B": "B", "C": "tie"})

CLOSING_PAIRWISE = Choice(
    {
        **{"A": "A", "B": "B", "tie": "tie", "C": "tie"},
        **{"A>>B": "A", "A>B": "A", "A=B": "tie", "B>A": "B", "B>>A": "B"},
        **{"A<<B": "B", "A<B": "B", "B=A": "tie", "B<A": "A", "B<<A": "A"},
    }
)
"""What free text may close with: [[A]] as MT-bench asks, [[A>B]] as Arena-Hard does."""


def scores(scale: tuple[int, int]) -> Choice:
    """Every whole number of the scale."""
    return Choice({str(value): value for value in range(scale[0], scale[1] + 1)})


def spoken(menu: Menu, word: str) -> Value | None:
    """What a word of free text means: A>B, 7, or C>A>B for a ranking. None if off the menu."""
    if isinstance(menu, Choice):
        return menu.words.get(word)
    return given(menu, [label.strip() for label in word.split(">")])


def given(menu: Menu, value: Any) -> Value | None:
    """What a value of a JSON field means; None if it is off the menu, 7.0 and true for 7 too."""
    if isinstance(menu, Choice):
        return next(
            (one for one in menu.words.values() if type(one) is type(value) and one == value), None
        )
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        return None
    return "".join(value) if sorted(value) == list(LABELS[: menu.n]) else None


def json_schema(fields: dict[str, Menu]) -> dict[str, Any]:
    """`response_format` for a rationale and then one value for each field.

    The rationale stands first because what stands first is written first.
    """
    properties = {name: _type(menu) for name, menu in fields.items()}
    schema = {
        "type": "object",
        "properties": {"rationale": {"type": "string"}, **properties},
        "required": ["rationale", *properties],
        "additionalProperties": False,
    }
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", "_".join(fields))[:60]
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


def _type(menu: Menu) -> dict[str, Any]:
    if isinstance(menu, Ranking):
        label = {"type": "string", "enum": list(LABELS[: menu.n])}
        return {"type": "array", "items": label, "minItems": menu.n, "maxItems": menu.n}
    values = list(dict.fromkeys(menu.words.values()))
    return {"type": "string" if isinstance(values[0], str) else "integer", "enum": values}
