"""Pairs that would teach the held-out prompts: leaks in their prompts, and in their answers."""

from collections.abc import Iterable
from itertools import islice

from pairs.pair import CandidatePair, DropReason
from rounds.rows import Prompt
from texts.leaks import Leak, LeakFinder

PROMPTS_AT_ONCE = 2000
"""Prompts that are compared with all held-out ones at once."""


class Contamination:
    """The leaks of a round: what its train prompts hold, looked up once for all of their pairs."""

    def __init__(self, held_out: LeakFinder, train: Iterable[Prompt]) -> None:
        """From the train prompt rows; only what is too close to a held-out one is kept."""
        self._held_out = held_out
        self._leak_of_prompt: dict[str, Leak] = {}
        rows = iter(train)
        while batch := list(islice(rows, PROMPTS_AT_ONCE)):
            prompts = [row["messages"] for row in batch]
            held_out.discount_shared(prompts)
            for row, leak in zip(batch, held_out.leaks_of_prompts(prompts), strict=True):
                if leak is not None:
                    self._leak_of_prompt[row["prompt_id"]] = leak

    def leak(self, pair: CandidatePair) -> DropReason | None:
        """A prompt that is a held-out one or comes near to it, or an answer that quotes one."""
        leak = self._leak_of_prompt.get(pair.row["prompt_id"])
        leak = leak or self._held_out.quoted_leak(pair.row["prompt"], pair.texts)
        return DropReason(*leak) if leak else None
