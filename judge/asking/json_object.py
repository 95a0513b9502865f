"""The one JSON object in a reply: alone, in a code block, or in prose.

Where it is not clear that there is one and that it is the judge's own, there is none.
"""

import json
import re
from collections.abc import Collection
from typing import Any, NamedTuple

from endpoints.hostile import neutralize
from judge.asking.taken_back import TAKEN_BACK

_END = re.compile(
    r"[\s.]*(?:(?:<\|\w+\|>|</s>|<end_of_turn>)\s*)*\Z|\s*(?:```|~~~)|[ \t]*\r?\n[ \t\r]*\n"
)
"""What may follow an object: tokens that end a turn or nothing, the end of its code block, or
another paragraph."""

_BLOCK_ALONE = re.compile(r"\s*```\w*\s*\{.*\}\s*```\s*", re.DOTALL)
"""A reply that is a code block and nothing else."""
_FENCED = re.compile(r"\[([A-Z] \w{6,})\]\n(.*?)\n\[/\1\]", re.DOTALL)
"""An answer as a judge is shown it."""
_MARKS = "[\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb]"


class Found(NamedTuple):
    """An object and the place where it begins in the text."""

    value: Any
    start: int


_ESCAPE = re.compile(r"\\(?:[\"\\/nrt]|[bf](?![A-Za-z])|u[0-9a-fA-F]{4})|\\")
_LAST_COMMA = re.compile(r",(?=\s*[}\]])")
_BACKSLASH = "\ue000"
"""Stands for a backslash that escapes nothing, one character for one."""


class KeyTwice(ValueError):
    """A key stands twice in one object."""


def whole_object(text: str, start: int) -> Found:
    """The JSON that the text from `start` on is. Raises ValueError or RecursionError (a reply of
    brackets only) where it is none, KeyTwice where an object says something twice.

    A byte order mark before it is passed over, a backslash that escapes nothing is one (LaTeX).
    """
    written = text[start:].lstrip("\ufeff")
    try:
        return Found(_strictly.decode(written), start)
    except json.JSONDecodeError:
        return Found(_with_backslashes(_strictly.decode(_mended(written))), start)


def object_within(text: str, start: int, keys: Collection[str], shown: str) -> Found | str:
    """The object with just these keys in the text from `start` on, or the reason why there is none.

    A second one, or one of the keys outside it, is a second verdict. An object that stands in
    `shown`, what the judge was shown, is a quotation and no verdict; so may be any in prose where
    something shown imitates one, for who quotes leaves out and puts right.
    """
    mended = _mended(text)
    found: list[tuple[Any, int, int]] = []
    place = text.find("{", start)
    while place >= 0:
        try:
            value, end = _object_at(text, mended, place)
            found.append((value, place, end))
        except KeyTwice:
            return "two_verdicts"
        except RecursionError:
            return "not_json"
        except ValueError:
            end = place + 1
        place = text.find("{", end)
    fitting = [one for one in found if one[0].keys() == set(keys)]
    if not fitting:
        return "off_menu" if found else "not_json"
    value, begins, ends = fitting[0]
    named = re.compile("|".join(rf'"{re.escape(key)}"\s*:' for key in keys))
    if len(fitting) > 1 or named.search(text[start:begins]) or named.search(text[ends:]):
        return "two_verdicts"
    if TAKEN_BACK.search(text, ends):
        return "two_verdicts"
    if not _END.match(text, ends) or _is_quoted(text[begins:ends], shown):
        return "not_json"
    if not _BLOCK_ALONE.fullmatch(text, start) and _imitates(shown, keys):
        return "not_json"
    return Found(value, begins)


def _is_quoted(written: str, shown: str) -> bool:
    """Whether an object stands in what was shown, as it is or with its imitations broken up."""
    dense = "".join(shown.split())
    return any("".join(one.split()) in dense for one in (written, neutralize(written)))


def _imitates(shown: str, keys: Collection[str]) -> bool:
    """Whether an answer has one of the keys in quotes and a colon after it, or anything else that
    is foreign had one, which `neutralize` has broken up."""
    named = "|".join(map(re.escape, keys))
    quoted = re.compile(rf"(?:{named})\\?{_MARKS}\s*:")
    return bool(re.search(rf'"\\(?:{named})"', shown)) or any(map(quoted.search, answers_in(shown)))


def answers_in(shown: str) -> list[str]:
    """The answers in what a judge was shown, as it saw them."""
    return [text for _, text in _FENCED.findall(shown)]


def _object_at(text: str, mended: str, place: int) -> tuple[Any, int]:
    """The JSON that begins at a place, and where it ends."""
    try:
        return _strictly.raw_decode(text, place)
    except json.JSONDecodeError:
        value, end = _strictly.raw_decode(mended, place)
        return _with_backslashes(value), end


def _mended(text: str) -> str:
    r"""The text with other characters for the backslashes that JSON does not know: \( of LaTeX, and
    \f and \b before a letter, which nobody means for a form feed or a backspace; a comma before a
    closing bracket is left out."""
    escaped = _ESCAPE.sub(
        lambda match: _BACKSLASH + match[0][1:] if len(match[0]) == 1 else match[0], text
    )
    return _LAST_COMMA.sub(" ", escaped)


def _with_backslashes(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(_BACKSLASH, "\\")
    if isinstance(value, dict):
        return {_with_backslashes(key): _with_backslashes(one) for key, one in value.items()}
    return [_with_backslashes(one) for one in value] if isinstance(value, list) else value


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise KeyTwice
    return dict(pairs)


_strictly = json.JSONDecoder(object_pairs_hook=_each_key_once, strict=False)  # lines in strings
