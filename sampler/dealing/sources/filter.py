"""Generated texts: which are prompts, and new ones."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from endpoints.reply import Reply
from rounds.tables import Row
from sampler.dealing.sources.config import SourceConfig
from sampler.dealing.sources.replies import read_prompts, text_is_no_prompt
from sampler.dealing.sources.rows import prompt_row
from texts.near import NearDuplicates
from texts.normal import prompt_text

NEAR = 0.7
"""Jaccard similarity of word 3-grams from which a prompt repeats another; Self-Instruct drops at a
ROUGE-L of 0.7."""
DRY = 20
"""So many replies in a row without a new prompt end the generation: the recipes are used up."""

ROWS_AT_ONCE = 4096


class PromptFilter:
    """Takes replies in their order and keeps what is new, until `count` prompts are there.

    `others` are prompts that none may come near to, read anew for each wave of replies and never
    held. `ended` says why there will be no more: nothing_new, or the limit of the budget.
    """

    def __init__(
        self, source: SourceConfig, count: int, others: Callable[[], Iterable[Row]]
    ) -> None:
        self._source, self._count, self._others = source, count, others
        self._known: list[tuple[str, Callable[[str], object]]] = []
        self._own = NearDuplicates(NEAR)
        self._barren = 0
        self.rows: list[Row] = []
        self.rejected: Counter[str] = Counter()
        self.replies = 0
        self.ended: str | None = None

    def avoid(self, reason: str, known: Callable[[str], object]) -> None:
        """Keep no text that is `known`; `reason` is what it is counted as."""
        self._known.append((reason, known))

    @property
    def full(self) -> bool:
        """Whether enough prompts are there."""
        return len(self.rows) >= self._count

    def take(self, wave: Sequence[tuple[str, Reply]]) -> None:
        """Look at replies, each with its recipe; what comes after the last prompt that is needed is
        not looked at.
        """
        read = [read_prompts(one.text) if one.failure is None else None for _, one in wave]
        texts = {text for some in read for text in some or [] if not text_is_no_prompt(text)}
        there = near_any(texts, self._others())
        for (recipe, answer), some in zip(wave, read, strict=True):
            if self.full:
                break
            self.replies += 1
            if some is None:
                self.rejected[answer.failure or "unreadable"] += 1
            kept = self._keep(some or [], there, f"{self._source.title}:{recipe}:{answer.key}")
            self._barren = 0 if kept else self._barren + 1
            if self._barren >= DRY:
                self.ended = "nothing_new"

    def _keep(self, texts: list[str], there: set[str], origin: str) -> int:
        """Keep those texts of a reply that are prompts and new; how many these are."""
        before = len(self.rows)
        for text in texts:
            if self.full:
                break
            if fault := self._fault(text, there):
                self.rejected[fault] += 1
                continue
            self._own.add([text])
            self.rows.append(prompt_row(text, origin, origin, self._source))
        return len(self.rows) - before

    def _fault(self, text: str, there: set[str]) -> str | None:
        """Why a text is not kept, in one word."""
        if fault := text_is_no_prompt(text):
            return fault
        for reason, known in self._known:
            if known(text):
                return reason
        return "repeats_another" if text in there or self._own.find([text])[0] else None


def near_any(texts: Iterable[str], rows: Iterable[Row]) -> set[str]:
    """Those of the texts that come near to a row's prompt. Holds some thousand rows at a time."""
    left, found, stream = sorted(texts), set[str](), iter(rows)
    while left and (some := list(islice(stream, ROWS_AT_ONCE))):
        near = NearDuplicates(NEAR)
        near.add([prompt_text(row["messages"]) for row in some])
        hits = near.find(left)
        found |= {text for text, hit in zip(left, hits, strict=True) if hit}
        left = [text for text in left if text not in found]
    return found
