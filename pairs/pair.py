"""A decided pair, why it is dropped, and its texts as they are compared."""

from collections.abc import Callable
from typing import NamedTuple

from rounds.tables import Row
from texts.normal import plain, prompt_text


class CandidatePair(NamedTuple):
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


Cleaner = Callable[[CandidatePair], Why | None]
"""Says why a pair is dropped, or None to keep it."""


def pair_text(row: Row) -> str:
    """Prompt, chosen and rejected as one text: what near duplicates are told by."""
    return "\n".join([prompt_text(row["prompt"]), *(row[side][0]["content"] for side in SIDES)])


def pair_key(row: Row) -> str:
    """What makes two pairs the same: the whole prompt, chosen and rejected, normalised."""
    turns = [f"{turn['role']}: {plain(turn['content'])}" for turn in row["prompt"]]
    return "\x00".join([*turns, *(plain(row[side][0]["content"]) for side in SIDES)])


SIDES = ("chosen", "rejected")
