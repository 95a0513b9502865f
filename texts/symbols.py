"""Operators as words: `x < 3` and `x > 3` are two texts, where commas and dashes of prose are none.

What counts: `< > = + ^ % &` and the signs of mathematics and of money wherever they stand, and
what is written together with one, as in `!=`; `* / -` between two operands, with a space on both
sides or on neither; a minus before a number; `#` as in C#; in code between backticks every mark.
What only lays a text out (bullets, bold, dashes, table lines) does not.
"""

import re

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

STRONG, WEAK = b"<>=+^%&", b"-*/!|#$"
"""Operators wherever they stand, and such as are one in some places only."""

BRACKETS = b"()[]"

BLANK, WORD, OPERATOR, DOUBTFUL = range(4)
"""What a byte can be part of."""

FIRST_SPELLED, LAST_SPELLED = 0xA000, 0xA3FF
"""A mark that is no byte is spelled in a letter of this range (Yi): a word wherever words are
looked for, and no text that holds operators is written in it."""

_SIGN = re.compile(
    "[\u00b1\u00d7\u00f7\u2190-\u21ff\u2200-\u22ff\u27f5-\u27ff\u2a00-\u2aff\u20ac\u00a3\u00a5]"
)
_CODE = re.compile(r"```.*?(?:```|\Z)|(?<!`)`[^`\n]+`", re.DOTALL)
_MARK = re.compile(r"[^\w\s`]")


def with_spelled_marks(text: str) -> str:
    """The text with the marks of its code, and the signs outside ASCII, as words of a letter."""
    if "`" in text:
        text = _CODE.sub(lambda code: _MARK.sub(_spelled, code.group()), text)
    return text if text.isascii() else _SIGN.sub(_spelled, text)


def kinds(texts: bytes, raw: Bytes) -> Bytes:
    """BLANK, WORD or OPERATOR for each byte of texts in lower case, of which `raw` is an array.

    Two blank bytes at least stand before and after each text.
    """
    kind = np.frombuffer(bytearray(texts.translate(_KIND)), dtype=np.uint8)
    at = np.flatnonzero(kind == DOUBTFUL)
    if at.size:
        kind[at] = np.where(_are_operators(raw, kind, at), OPERATOR, BLANK)
    return kind


def _are_operators(raw: Bytes, kind: Bytes, at: NDArray[np.int64]) -> NDArray[np.bool_]:
    mark, before, after = raw[at], raw[at - 1], raw[at + 1]
    doubled_before, doubled_after = before == mark, after == mark
    minus = mark == ord("-")
    left, right = at - 1 - doubled_before, at + 1 + doubled_after
    spaced = raw[left] == ord(" ")
    apart = spaced == (raw[right] == ord(" "))
    operands = _are_operands(raw, left - spaced, -1, ~minus)
    operands &= _are_operands(raw, right + spaced, 1, ~minus)
    computes = minus | (mark == ord("*")) | (mark == ord("/"))
    computes &= ~(minus & (doubled_before | doubled_after))
    negative = minus & _IS_DIGIT[after] & ~_ENDS_OPERAND[before] & ~doubled_before
    beside = (kind[at - 1] == OPERATOR) | (kind[at + 1] == OPERATOR)
    names = (mark == ord("#")) & _ENDS_OPERAND[before]
    money = (mark == ord("$")) & _IS_DIGIT[after]
    either = (mark == ord("|")) & (doubled_before | doubled_after)
    found: NDArray[np.bool_] = (computes & apart & operands) | negative | beside
    return found | names | money | either


def _are_operands(
    raw: Bytes, at: NDArray[np.int64], step: int, whole_words: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether what begins there, read in the direction of `step`, can be computed with: a number,
    a bracket, a letter, or a whole word.
    """
    first, following = raw[at], raw[np.clip(at + step, 0, len(raw) - 1)]
    alone = whole_words | ~_IS_WORD[following]
    found: NDArray[np.bool_] = _IS_DIGIT[first] | _IS_BRACKET[first] | (_IS_WORD[first] & alone)
    return found


def _spelled(mark: re.Match[str]) -> str:
    return f" {chr(FIRST_SPELLED + ord(mark.group()) % 0x400)} "


def _table(members: bytes) -> NDArray[np.bool_]:
    table = np.zeros(256, bool)
    table[list(members)] = True
    return table


_IS_DIGIT = _table(b"0123456789")
_IS_WORD = _table(b"0123456789_abcdefghijklmnopqrstuvwxyz" + bytes(range(128, 256)))
_IS_BRACKET = _table(BRACKETS)
_ENDS_OPERAND = _IS_WORD | _table(b")]")
_KIND = bytes(
    OPERATOR if byte in STRONG else DOUBTFUL if byte in WEAK else WORD if _IS_WORD[byte] else BLANK
    for byte in range(256)
)
