"""A decided pair, why it is dropped, and its texts as they are compared."""

from collections.abc import Callable
from typing import NamedTuple

from rounds.rows import Candidate, ConsideredPair, Pair
from texts.normal import plain, prompt_text


class CandidatePair(NamedTuple):
    """A decided row with the two candidates behind it."""

    row: ConsideredPair
    chosen: Candidate
    rejected: Candidate

    @property
    def texts(self) -> tuple[str, str]:
        """The texts of both answers, the chosen first."""
        return self.chosen["text"], self.rejected["text"]


class DropReason(NamedTuple):
    """Why a pair is dropped; `detail` says what it repeats or overlaps, and how much."""

    reason: str
    detail: str | None = None


Cleaner = Callable[[CandidatePair], DropReason | None]
"""Says why a pair is dropped, or None to keep it."""


def pair_text(row: Pair) -> str:
    """Prompt, chosen and rejected as one text: what near duplicates are told by."""
    return "\n".join([prompt_text(row["prompt"]), *answer_texts(row)])


def pair_key(row: Pair) -> str:
    """What makes two pairs the same: the whole prompt, chosen and rejected, normalised."""
    turns = [f"{turn['role']}: {plain(turn['content'])}" for turn in row["prompt"]]
    return "\x00".join([*turns, *map(plain, answer_texts(row))])


def answer_texts(row: Pair) -> tuple[str, str]:
    """The texts of both answers, the chosen first."""
    return row["chosen"][0]["content"], row["rejected"][0]["content"]
