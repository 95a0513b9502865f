"""A decided pair, why it is dropped, and its texts as they are compared."""

from collections.abc import Callable
from typing import NamedTuple

from rounds.rows import Candidate, ConsideredPair, Pair
from texts.normal import plain


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


class PairTexts(NamedTuple):
    """The texts of a pair, each of which is compared by itself with that of another pair."""

    system: str
    earlier: str
    question: str
    chosen: str
    rejected: str

    @property
    def prompt(self) -> str:
        """All that the answers answer to."""
        return "\n".join(text for text in self[:3] if text)


def pair_texts(row: Pair) -> PairTexts:
    """What near duplicates are told by: system turns, earlier turns, last turn and both answers."""
    *before, last = row["prompt"]
    system, earlier = (
        "\n".join(turn["content"] for turn in before if (turn["role"] == "system") == wanted)
        for wanted in (True, False)
    )
    return PairTexts(system, earlier, last["content"], *answer_texts(row))


def pair_key(row: Pair) -> str:
    """What makes two pairs the same: the whole prompt, chosen and rejected, normalised."""
    turns = [f"{turn['role']}: {plain(turn['content'])}" for turn in row["prompt"]]
    return "\x00".join([*turns, *map(plain, answer_texts(row))])


def answer_texts(row: Pair) -> tuple[str, str]:
    """The texts of both answers, the chosen first."""
    return row["chosen"][0]["content"], row["rejected"][0]["content"]
