"""Texts as sequences of hashed words, many texts at a time.

Words are runs of letters, digits and underscores, without case and hidden characters, and runs of
operators (`texts.symbols`); in scripts that put no spaces between words every character is one. A
text without words has one of its characters, an empty one has none. A hash is the same on every
machine.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from texts.normal import UNSPACED, plain
from texts.symbols import BLANK, BRACKETS, STRONG, WEAK, Bytes, kinds, with_spelled_marks

Hashes = NDArray[np.uint64]
Indices = NDArray[np.int64]

_BETWEEN = "\x1c\x1c"
"""Stands between two texts: no operator is looked for across."""

_KEPT = frozenset(STRONG + WEAK + BRACKETS)
_ASCII = "".join(
    chr(i).lower() if chr(i).isalnum() or chr(i) in "_\n\x1c.?" or i in _KEPT else " "
    for i in range(128)
)
_PARTS = _ASCII.encode() + bytes(range(128, 256))  # the bytes of UTF-8 are parts of words
_HIDDEN_BYTES = bytes(range(9)) + bytes(range(14, 28)) + b"\x7f"
_BYTE_CODES = np.frombuffer(hashlib.shake_128(b"prefloop bytes").digest(256 * 8), dtype="<u8")
_BASE, _MIX = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9
_PART_OF_WORD = re.compile(r"\w")
_UNSPACED_OR_MARK = re.compile(f"([{UNSPACED}])|[^\\w\\s\\x00-\\x7f]")


class WordHashes(NamedTuple):
    """The words of some texts: those of text i are `hashes[bounds[i] : bounds[i + 1]]`.

    They begin and end at `first` and `end` among the bytes `raw`, of which `kind` says what each
    is. Of the marks that are no words `raw` has only those that end a sentence.
    """

    hashes: Hashes
    bounds: Indices
    first: Indices
    end: Indices
    raw: Bytes
    kind: Bytes


def word_hashes(texts: Sequence[str]) -> WordHashes:
    """The words of some texts.

    The hash is the polynomial of the word's bytes, read off the running sum over all texts.
    """
    spelled = [text if _is_simple(text) else _spelled(text) for text in texts]
    whole = _BETWEEN.join(["", *spelled, ""]).encode().translate(_PARTS, _HIDDEN_BYTES)
    raw = np.frombuffer(whole, dtype=np.uint8)
    kind = kinds(whole, raw)
    edges = np.flatnonzero(kind[1:] != kind[:-1])
    touching = (kind[edges] != BLANK) & (kind[edges + 1] != BLANK)  # one ends where one begins
    edges = np.repeat(edges, 1 + touching)
    before, last = edges[::2], edges[1::2]
    first, end = before + 1, last + 1
    up, inverse = powers(1 << (len(raw) - 1).bit_length())
    sums = np.take(_BYTE_CODES, raw, mode="clip")
    sums *= up[: len(raw)]
    np.cumsum(sums, out=sums)
    hashes = (sums[last] - sums[before]) * inverse[first]
    starts = np.flatnonzero(raw == ord(_BETWEEN[0]))[1::2] + 1
    bounds = np.searchsorted(first, starts).astype(np.int64)
    return WordHashes(hashes, bounds, first, end, raw, kind)


def _is_simple(text: str) -> bool:
    """Whether nothing is done to a text but what is done to all bytes at once."""
    return not text or (
        text[0].isalpha() and text.isascii() and "`" not in text and _BETWEEN[0] not in text
    )


def _spelled(text: str) -> str:
    """A text with every word of it between blanks."""
    spelled = with_spelled_marks(text).replace(_BETWEEN[0], " ").replace("\u3002", ". ")
    if not text.isascii():
        spelled = "\n".join(map(_in_words, spelled.split("\n")))
    if _PART_OF_WORD.search(spelled):
        return spelled
    return "".join(f"_{ord(mark):x}" for mark in plain(text) if mark != " ")


def _in_words(line: str) -> str:
    """A line in any script with spaces between its words."""
    return _UNSPACED_OR_MARK.sub(r" \1 ", plain(line))


def mixed(hashes: Hashes) -> Hashes:
    """Hashes whose uppermost bits depend on all of theirs."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(_MIX)
    return hashes ^ (hashes >> np.uint64(32))


@lru_cache(maxsize=2)
def powers(count: int) -> tuple[Hashes, Hashes]:
    """The powers of the base and those of its inverse, modulo 2^64."""
    inverse = pow(_BASE, -1, 2**64)
    powers, back = (
        np.cumprod(np.concatenate([np.ones(1, np.uint64), np.full(count - 1, base, np.uint64)]))
        for base in (_BASE, inverse)
    )
    return powers, back
