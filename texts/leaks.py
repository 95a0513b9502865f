"""What would teach the held-out prompts: a prompt that is one of them, whatever stands around it,
one in other words, or a text that quotes one."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rounds.tables import Row
from texts.near import NearDuplicates, NearMatch
from texts.normal import plain, prompt_text, words
from texts.quotes import WHOLE, Quotes, Whole

Messages = list[dict[str, str]]

LEAST_WORDS = 3
"""Of a turn that is compared by itself: many conversations go on with "Go on." """


class LeakLimits(NamedTuple):
    """From where on something is too close to a held-out prompt; None switches a check off.

    The defaults are those of the `pairs` section.
    """

    near: float | None = 0.8
    """Jaccard similarity of word n-grams."""
    overlap: float | None = 0.5
    """Share of the 8-grams of a held-out prompt or reference."""
    ngram: int = 3


DEFAULTS = LeakLimits()


class Leak(NamedTuple):
    """held_out_prompt, held_out_near or held_out_overlap, and which prompt it is."""

    reason: str
    detail: str


class LeakFinder:
    """The held-out prompts of a run and their reference answers, without system turns.

    Holds their n-grams in memory: about 100 bytes a word.
    """

    def __init__(self, rows: Iterable[Row], limits: LeakLimits) -> None:
        """From prompt rows; `reference` may be missing."""
        self._limits = limits
        named: list[tuple[str, str]] = []
        references: list[tuple[str, str]] = []
        for row in rows:
            named.append((row["prompt_id"], prompt_text(row["messages"])))
            if row.get("reference"):
                references.append((f"reference of {row['prompt_id']}", row["reference"]))
        self._names = [name for name, _ in named]
        self._plain = {plain(text): name for name, text in named}
        self._whole = Whole(named)
        self._near = NearDuplicates(limits.near or 1, limits.ngram)
        self._near.add([text for _, text in named])
        self._quotes = Quotes([*named, *references] if limits.overlap is not None else [])

    def shared_with(self, prompts: Iterable[Messages]) -> None:
        """Other prompts: what many of them say is a template, and quoting it is no leak."""
        self._quotes.shared_with(prompt_text(messages) for messages in prompts)

    def asked_in(self, prompts: Sequence[Messages]) -> list[Leak | None]:
        """For each prompt the held-out one that it is, holds or comes near to, if there is one.

        Some thousand at once are fastest.
        """
        near = self._nearest(prompts) if self._limits.near is not None else [None] * len(prompts)
        return [
            self._is(prompt_text(messages)) or self._told(hit)
            for messages, hit in zip(prompts, near, strict=True)
        ]

    def quoted_in(self, prompt: Messages, answers: Iterable[str]) -> Leak | None:
        """The held-out prompt or reference that a prompt or an answer to it holds much of."""
        if self._limits.overlap is None:
            return None
        answers = list(answers)
        for text in answers:
            if name := self._whole.within(text, WHOLE):
                return Leak("held_out_overlap", f"all of {name}")
        share, name = self._quotes.most([prompt_text(prompt), *answers], self._limits.overlap)
        return Leak("held_out_overlap", f"{share:.0%} of the 8-grams of {name}") if name else None

    def _is(self, text: str) -> Leak | None:
        if name := self._plain.get(plain(text)):
            return Leak("held_out_prompt", name)
        if name := self._whole.within(text):
            return Leak("held_out_prompt", f"holds all of {name}")
        return None

    def _told(self, hit: NearMatch | None) -> Leak | None:
        if hit is None:
            return None
        return Leak("held_out_near", f"Jaccard {hit.jaccard:.3f} with {self._names[hit.place]}")

    def _nearest(self, prompts: Sequence[Messages]) -> list[NearMatch | None]:
        """The best hit of each prompt's views."""
        texts: list[str] = []
        of: list[int] = []
        for place, messages in enumerate(prompts):
            for text in _views(messages):
                texts.append(text)
                of.append(place)
        best: list[NearMatch | None] = [None] * len(prompts)
        for place, hit in zip(of, self._near.find(texts), strict=True):
            if hit is not None:
                best[place] = min(best[place] or hit, hit, key=_order)
        return best


def _order(hit: NearMatch) -> tuple[float, int]:
    return -hit.jaccard, hit.place


def _views(messages: Messages) -> list[str]:
    """The prompt, each user turn and each line that says enough by itself: what a held-out prompt
    in other words may be wrapped in changes the n-grams of the whole."""
    whole = prompt_text(messages)
    turns = [turn["content"] for turn in messages if turn["role"] == "user"]
    enough = min(WHOLE, len(words(whole)) / 2)
    turns = [text for text in turns if len(words(text)) >= LEAST_WORDS]
    lines = [line for text in turns for line in text.splitlines() if len(words(line)) >= enough]
    return list(dict.fromkeys([whole, *turns, *lines]))
