"""Pairs that would teach the held-out prompts: what is found in their prompts, and in answers."""

from collections.abc import Iterable
from itertools import islice

from pairs.pair import CandidatePair, Why
from rounds.tables import Row
from texts.leaks import Leak, LeakFinder

AT_ONCE = 2000
"""Prompts that are compared with all held-out ones at once."""


class Contamination:
    """The leaks of a round: what its train prompts hold, looked up once for all of their pairs."""

    def __init__(self, held_out: LeakFinder, train: Iterable[Row]) -> None:
        """From the train prompt rows; only what is too close to a held-out one is kept."""
        self._held_out = held_out
        self._leaks: dict[str, Leak] = {}
        rows = iter(train)
        while some := list(islice(rows, AT_ONCE)):
            prompts = [row["messages"] for row in some]
            held_out.shared_with(prompts)
            for row, leak in zip(some, held_out.asked_in(prompts), strict=True):
                if leak is not None:
                    self._leaks[row["prompt_id"]] = leak

    def leak(self, pair: CandidatePair) -> Why | None:
        """A prompt that is a held-out one or comes near to it, or an answer that quotes one."""
        found = self._leaks.get(pair.row["prompt_id"])
        found = found or self._held_out.quoted_in(pair.row["prompt"], pair.sides)
        return Why(*found) if found else None
