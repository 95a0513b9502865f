"""A decided pair, why it is dropped, and its texts as they are compared."""

import re
from collections.abc import Callable
from typing import NamedTuple

from rounds.tables import Row

ONE_BY_ONE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
WORD = re.compile(f"[{ONE_BY_ONE}]|[^\\W{ONE_BY_ONE}]+")


class Pair(NamedTuple):
    """A decided row with the two candidates behind it."""

    row: Row
    chosen: Row
    rejected: Row

    @property
    def sides(self) -> tuple[str, str]:
        """The texts of both answers, the chosen first."""
        return self.chosen["text"], self.rejected["text"]


class Why(NamedTuple):
    """A reason to drop a pair; `detail` says what it repeats or overlaps, and how much."""

    reason: str
    detail: str | None = None


Cleaner = Callable[[Pair], Why | None]
"""Says why a pair is dropped, or None to keep it."""


def plain(text: str) -> str:
    """A text for comparison: case and white space do not make it another one."""
    return " ".join(text.casefold().split())


def words(text: str) -> list[str]:
    """The words of a text, casefolded; a Chinese or Japanese character is a word of its own."""
    return WORD.findall(text.casefold())


def asked(messages: list[dict[str, str]]) -> str:
    """What a prompt says apart from its system turns, which many prompts share."""
    return "\n".join(turn["content"] for turn in messages if turn["role"] != "system")


def pair_text(row: Row) -> str:
    """Prompt, chosen and rejected as one text: what near duplicates are told by."""
    return "\n".join([asked(row["prompt"]), *(row[side][0]["content"] for side in SIDES)])


def pair_key(row: Row) -> str:
    """What makes two pairs the same: the whole prompt, chosen and rejected, normalised."""
    turns = [f"{turn['role']}: {plain(turn['content'])}" for turn in row["prompt"]]
    return "\x00".join([*turns, *(plain(row[side][0]["content"]) for side in SIDES)])


SIDES = ("chosen", "rejected")
