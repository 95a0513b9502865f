"""Generated texts: which are prompts, and new ones."""

from collections import Counter
from collections.abc import Iterable

from endpoints.answer import Answer
from rounds.near import Near
from rounds.tables import Row
from sampler.sources.config import SourceConfig
from sampler.sources.replies import read_reply, text_is_no_prompt
from sampler.sources.rows import prompt_row

NEAR = 0.7
"""Jaccard similarity of word 3-grams from which a prompt repeats another; Self-Instruct drops at a
ROUGE-L of 0.7."""
DRY = 20
"""So many replies in a row without a new prompt end the generation: the recipes are used up."""


class Sieve:
    """Takes replies one after the other and keeps what is new, until `count` prompts are there.

    `ended` says why there will be no more: nothing_new, or the limit of the budget.
    """

    def __init__(self, source: SourceConfig, count: int) -> None:
        self._source, self._count = source, count
        self._known: list[tuple[str, Near]] = []
        self._own = Near(NEAR)
        self._barren = 0
        self.rows: list[Row] = []
        self.rejected: Counter[str] = Counter()
        self.replies = 0
        self.ended: str | None = None

    def avoid(self, reason: str, texts: Iterable[str], threshold: float = NEAR) -> None:
        """Keep nothing that comes near to one of the texts; `reason` is what it is counted as."""
        near = Near(threshold)
        near.add(list(texts))
        self._known.append((reason, near))

    @property
    def full(self) -> bool:
        """Whether enough prompts are there."""
        return len(self.rows) >= self._count

    def take(self, recipe: str, answer: Answer) -> None:
        """Look at one reply; what comes after the last prompt that is needed is not looked at."""
        if self.full:
            return
        self.replies += 1
        texts = read_reply(answer.text) if answer.failure is None else None
        if texts is None:
            self.rejected[answer.failure or "unreadable"] += 1
        before = len(self.rows)
        for text in texts or []:
            if self.full:
                break
            if fault := self._fault(text):
                self.rejected[fault] += 1
                continue
            self._own.add([text])
            origin = f"{self._source.title}:{recipe}:{answer.key}"
            self.rows.append(prompt_row(text, origin, origin, self._source))
        self._barren = 0 if len(self.rows) > before else self._barren + 1
        if self._barren >= DRY:
            self.ended = "nothing_new"

    def _fault(self, text: str) -> str | None:
        """Why a text is not kept, in one word."""
        if fault := text_is_no_prompt(text):
            return fault
        for reason, near in [*self._known, ("repeats_another", self._own)]:
            if near.find([text])[0]:
                return reason
        return None
