"""Pairs that would teach the held-out prompts: leaks in their prompts, and in their answers."""

from collections.abc import Iterable, Iterator

from pairs.pair import CandidatePair, DropReason
from rounds.rows import Messages, Prompt
from texts.leaks import LeakFinder


class Contamination:
    """The leaks of a round: what its train prompts hold, looked up once for all of their pairs."""

    def __init__(self, held_out: LeakFinder, train: Iterable[Prompt]) -> None:
        """From the train prompt rows; only what is too close to a held-out one is kept."""
        self._held_out = held_out
        prompt_ids: list[str] = []
        leaks = held_out.leaks_of_prompts(self._read(train, prompt_ids))
        found = zip(prompt_ids, leaks, strict=True)
        self._leak_of_prompt = {prompt_id: leak for prompt_id, leak in found if leak is not None}

    def _read(self, train: Iterable[Prompt], prompt_ids: list[str]) -> Iterator[Messages]:
        for row in train:
            prompt_ids.append(row["prompt_id"])
            self._held_out.discount_shared([row["messages"]])
            yield row["messages"]

    def leak(self, pair: CandidatePair) -> DropReason | None:
        """A prompt that is a held-out one or comes near to it, or an answer that quotes one."""
        return self.leak_of(pair.row["prompt_id"], pair.row["prompt"], pair.texts)

    def leak_of(
        self, prompt_id: str, prompt: Messages, answers: Iterable[str] = ()
    ) -> DropReason | None:
        """The same, of a prompt with any answers."""
        leak = self._leak_of_prompt.get(prompt_id) or self._held_out.quoted_leak(prompt, answers)
        return DropReason(*leak) if leak else None
