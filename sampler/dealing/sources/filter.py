"""Generated texts: which are prompts, and new ones."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from endpoints.reply import Reply
from rounds.rows import Messages
from sampler.dealing.sources.config import SourceConfig
from sampler.dealing.sources.replies import read_prompts, rejection_reason
from sampler.dealing.sources.rows import SourcePrompt, prompt_row
from texts.near import NearDuplicateFinder
from texts.normal import prompt_text

NEAR_DUPLICATE = 0.7
"""Jaccard similarity of word 3-grams from which a prompt repeats another; Self-Instruct drops at a
ROUGE-L of 0.7."""
PATIENCE = 20
"""So many replies in a row without a new prompt end the generation: the recipes are used up."""

ROWS_AT_ONCE = 4096


class PromptFilter:
    """Takes replies in their order and keeps what is new, until `count` prompts are there.

    `others` are prompts that none may come near to, read anew for each wave of replies and never
    held. `ended` says why there will be no more: nothing_new, or the limit of the budget.
    """

    def __init__(
        self, source: SourceConfig, count: int, others: Callable[[], Iterable[Messages]]
    ) -> None:
        self._source, self._count, self._others = source, count, others
        self._rejects: list[tuple[str, Callable[[str], object]]] = []
        self._kept = NearDuplicateFinder(NEAR_DUPLICATE)
        self._replies_without_new = 0
        self.rows: list[SourcePrompt] = []
        self.rejected: Counter[str] = Counter()
        self.replies = 0
        self.ended: str | None = None

    def reject(self, reason: str, matches: Callable[[str], object]) -> None:
        """Keep no text that `matches`; `reason` is what it is counted as."""
        self._rejects.append((reason, matches))

    @property
    def full(self) -> bool:
        """Whether enough prompts are there."""
        return len(self.rows) >= self._count

    def take(self, wave: Sequence[tuple[str, Reply]]) -> None:
        """Look at replies, each with its recipe; what comes after the last prompt that is needed is
        not looked at.
        """
        parsed = [read_prompts(reply.text) if reply.failure is None else None for _, reply in wave]
        texts = {text for of_one in parsed for text in of_one or [] if not rejection_reason(text)}
        repeated = near_any(texts, self._others())
        for (recipe, reply), prompts in zip(wave, parsed, strict=True):
            if self.full:
                break
            self.replies += 1
            if prompts is None:
                self.rejected[reply.failure or "unreadable"] += 1
            origin = f"{self._source.title}:{recipe}:{reply.key}"
            kept = self._keep(prompts or [], repeated, origin)
            self._replies_without_new = 0 if kept else self._replies_without_new + 1
            if self._replies_without_new >= PATIENCE:
                self.ended = "nothing_new"

    def _keep(self, texts: list[str], repeated: set[str], origin: str) -> int:
        """Keep those texts of a reply that are prompts and new; how many these are."""
        before = len(self.rows)
        for text in texts:
            if self.full:
                break
            if reason := self._rejection(text, repeated):
                self.rejected[reason] += 1
                continue
            self._kept.add([text])
            self.rows.append(prompt_row(text, origin, origin, self._source))
        return len(self.rows) - before

    def _rejection(self, text: str, repeated: set[str]) -> str | None:
        """Why a text is not kept, in one word."""
        if fault := rejection_reason(text):
            return fault
        for reason, matches in self._rejects:
            if matches(text):
                return reason
        return "repeats_another" if text in repeated or self._kept.find([text])[0] else None


def near_any(texts: Iterable[str], prompts: Iterable[Messages]) -> set[str]:
    """Those of the texts that come near to a prompt. Holds some thousand prompts at a time."""
    left, near_texts, stream = sorted(texts), set[str](), iter(prompts)
    while left and (batch := list(islice(stream, ROWS_AT_ONCE))):
        finder = NearDuplicateFinder(NEAR_DUPLICATE)
        finder.add([prompt_text(messages) for messages in batch])
        hits = finder.find(left)
        near_texts |= {text for text, hit in zip(left, hits, strict=True) if hit}
        left = [text for text in left if text not in near_texts]
    return near_texts
