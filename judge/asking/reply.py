"""What a judge may say, and reading what it said.

A question has fields, and a field a menu: the closed set of values that it may have. The menu gives
the schema that a reply is held to, and what arrives is read against it again: off the menu, cut off
or with two verdicts, a reply says nothing, and the reason why.
"""

import re
from string import ascii_uppercase
from typing import Any, NamedTuple

from judge.asking.json_object import Found, KeyTwice, object_within, whole_object
from judge.asking.thinking import after_thinking, begins_thinking
from judge.config import Channel

Value = str | int | float


class Choice(NamedTuple):
    """One of some words; each means a value (A, B or tie as shown, or a number)."""

    words: dict[str, Value]


class Ranking(NamedTuple):
    """All of the first `n` letters, best first; its value is the letters in a row: CAB."""

    n: int


Menu = Choice | Ranking


class ParsedReply(NamedTuple):
    """What a reply says: a value for each field, or None and the reason why not.

    `places` are the fields' places in the text (characters), for finding their probabilities.
    """

    values: dict[str, Value] | None
    rationale: str | None
    reason: str | None
    places: dict[str, int] = {}  # noqa: RUF012 - a NamedTuple's default, never written to


ANSWER_LETTERS = ascii_uppercase
"""Names of the answers of a list, in the order shown."""

JSON_PAIRWISE = Choice({"A": "A", "B": "B", "tie": "tie"})

TOKEN_PAIRWISE = Choice({"A": "A", "B": "B", "C": "tie"})

TEXT_PAIRWISE = Choice(
    {
        **{"A": "A", "B": "B", "tie": "tie", "C": "tie"},
        **{"A>>B": "A", "A>B": "A", "A=B": "tie", "B>A": "B", "B>>A": "B"},
        **{"A<<B": "B", "A<B": "B", "B=A": "tie", "B<A": "A", "B<<A": "A"},
    }
)
"""What free text may close with: [[A]] as MT-bench asks, [[A>B]] as Arena-Hard does."""

PAIRWISE_MENUS: dict[Channel, Choice] = {
    "json": JSON_PAIRWISE,
    "token": TOKEN_PAIRWISE,
    "text": TEXT_PAIRWISE,
}


def score_menu(scale: tuple[int, int]) -> Choice:
    """Every whole number of the scale."""
    return Choice({str(value): value for value in range(scale[0], scale[1] + 1)})


def value_of_word(menu: Menu, word: str) -> Value | None:
    """What a word of free text means: A>B, 7, or C>A>B for a ranking. None if off the menu."""
    if isinstance(menu, Choice):
        return menu.words.get(word)
    return value_of_json(menu, [letter.strip() for letter in word.split(">")])


def value_of_json(menu: Menu, value: Any) -> Value | None:
    """What a value of a JSON field means; None if it is off the menu, 7.0 and true for 7 too."""
    if isinstance(menu, Choice):
        return next(
            (
                offered
                for offered in menu.words.values()
                if type(offered) is type(value) and offered == value
            ),
            None,
        )
    if not isinstance(value, list) or not all(isinstance(letter, str) for letter in value):
        return None
    return "".join(value) if sorted(value) == list(ANSWER_LETTERS[: menu.n]) else None


def json_schema(fields: dict[str, Menu]) -> dict[str, Any]:
    """`response_format` for a rationale and then one value for each field.

    The rationale stands first because what stands first is written first.
    """
    properties = {name: _schema_type(menu) for name, menu in fields.items()}
    schema = {
        "type": "object",
        "properties": {"rationale": {"type": "string"}, **properties},
        "required": ["rationale", *properties],
        "additionalProperties": False,
    }
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", "_".join(fields))[:60]
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


def read_json(text: str, fields: dict[str, Menu], shown: str = "") -> ParsedReply:
    """Read an object with a rationale and one value of its menu for each field.

    Thinking text before it (<think>...</think> and the like) is passed over. It may stand in a code
    block or in prose where it is the only one and not quoted from `shown`, what the judge was
    shown.
    """
    thought = after_thinking(text)
    only_closed = "{" not in text[:thought]  # else it may stand in a rationale
    try:
        start = thought if begins_thinking(text) or only_closed else 0
        found: Found | str = whole_object(text, start)
    except KeyTwice:
        found = "two_verdicts"
    except (ValueError, RecursionError):
        found = object_within(text, thought, {"rationale", *fields}, shown)
    if isinstance(found, str):
        return ParsedReply(None, None, found)
    reply, start = found
    if not isinstance(reply, dict) or reply.keys() != {"rationale", *fields}:
        return ParsedReply(None, None, "off_menu")
    places = {name: _place(text, start, name) for name in reply}
    if not isinstance(reply["rationale"], str) or -1 in places.values():
        return ParsedReply(None, None, "off_menu")
    # half a character cannot be written to a table
    rationale = reply["rationale"].encode(errors="replace").decode()
    values = {name: value_of_json(menu, reply[name]) for name, menu in fields.items()}
    on_menu = {name: value for name, value in values.items() if value is not None}
    if len(on_menu) < len(fields):
        return ParsedReply(None, rationale, "off_menu")
    return ParsedReply(on_menu, rationale, None, {name: places[name] for name in fields})


def read_token(text: str, field: str, menu: Choice) -> ParsedReply:
    """Read a reply of one token."""
    word = text.strip().lstrip("\ufeff")
    if word not in menu.words:
        return ParsedReply(None, None, "off_menu")
    return ParsedReply({field: menu.words[word]}, None, None, {field: text.index(word)})


def _schema_type(menu: Menu) -> dict[str, Any]:
    if isinstance(menu, Ranking):
        letter = {"type": "string", "enum": list(ANSWER_LETTERS[: menu.n])}
        return {"type": "array", "items": letter, "minItems": menu.n, "maxItems": menu.n}
    values = list(dict.fromkeys(menu.words.values()))
    return {"type": "string" if isinstance(values[0], str) else "integer", "enum": values}


def _place(text: str, start: int, field: str) -> int:
    """Where the value of a field stands, -1 where its name is not written plainly.

    A name in \\u escapes is how a candidate would get past the escaping of our grammar.
    """
    written = re.compile(rf'"{re.escape(field)}"\s*:\s*"?').search(text, start)
    return written.end() if written else -1
