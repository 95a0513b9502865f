"""What would teach the held-out prompts: a prompt that is one of them, whatever stands around it,
one in other words, or a text that quotes one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rounds.rows import Messages, Prompt
from texts.near import NearDuplicateFinder, NearMatch, by_similarity
from texts.normal import plain, prompt_text, words
from texts.quotes import MIN_WHOLE_WORDS, QuoteFinder, WholeTextFinder

MIN_TURN_WORDS = 3
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

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> "LeakLimits":
        """The limits that the `pairs` section of a config gives."""
        return cls(section["held_out_near"], section["held_out_overlap"], section["ngram"])


DEFAULT_LIMITS = LeakLimits()


class Leak(NamedTuple):
    """held_out_prompt, held_out_near or held_out_overlap, and which prompt it is."""

    reason: str
    detail: str


class LeakFinder:
    """The held-out prompts of a run and their reference answers, without system turns.

    Holds their n-grams in memory: about 100 bytes a word.
    """

    def __init__(self, held_out: Iterable[Prompt], limits: LeakLimits) -> None:
        """From prompt rows; `reference` may be missing."""
        self._limits = limits
        prompts: list[tuple[str, str]] = []
        references: list[tuple[str, str]] = []
        for row in held_out:
            prompts.append((row["prompt_id"], prompt_text(row["messages"])))
            if reference := row.get("reference"):
                references.append((f"reference of {row['prompt_id']}", reference))
        self._ids = [prompt_id for prompt_id, _ in prompts]
        self._id_by_plain_text = {plain(text): prompt_id for prompt_id, text in prompts}
        self._whole = WholeTextFinder(prompts)
        self._near = NearDuplicateFinder(limits.near or 1, limits.ngram)
        self._near.add([text for _, text in prompts])
        self._quotes = QuoteFinder([*prompts, *references] if limits.overlap is not None else [])

    def discount_shared(self, prompts: Iterable[Messages]) -> None:
        """Other prompts: what many of them say is a template, and quoting it is no leak."""
        self._quotes.discount_shared(prompt_text(messages) for messages in prompts)

    def leaks_of_prompts(self, prompts: Sequence[Messages]) -> list[Leak | None]:
        """For each prompt the held-out one that it is, holds or comes near to, if there is one.

        Some thousand at once are fastest.
        """
        near = self._nearest(prompts) if self._limits.near is not None else [None] * len(prompts)
        return [
            self._whole_leak(prompt_text(messages)) or self._near_leak(match)
            for messages, match in zip(prompts, near, strict=True)
        ]

    def quoted_leak(self, prompt: Messages, answers: Iterable[str]) -> Leak | None:
        """The held-out prompt or reference that a prompt or an answer to it holds much of."""
        if self._limits.overlap is None:
            return None
        answers = list(answers)
        for text in answers:
            if name := self._whole.find(text, MIN_WHOLE_WORDS):
                return Leak("held_out_overlap", f"all of {name}")
        texts = [prompt_text(prompt), *answers]
        share, name = self._quotes.most_quoted(texts, self._limits.overlap)
        return Leak("held_out_overlap", f"{share:.0%} of the 8-grams of {name}") if name else None

    def _whole_leak(self, text: str) -> Leak | None:
        if prompt_id := self._id_by_plain_text.get(plain(text)):
            return Leak("held_out_prompt", prompt_id)
        if prompt_id := self._whole.find(text):
            return Leak("held_out_prompt", f"holds all of {prompt_id}")
        return None

    def _near_leak(self, match: NearMatch | None) -> Leak | None:
        if match is None:
            return None
        return Leak("held_out_near", f"Jaccard {match.jaccard:.3f} with {self._ids[match.place]}")

    def _nearest(self, prompts: Sequence[Messages]) -> list[NearMatch | None]:
        """The nearest held-out prompt to any part of each prompt."""
        parts: list[str] = []
        prompt_of_part: list[int] = []
        for place, messages in enumerate(prompts):
            for text in _parts(messages):
                parts.append(text)
                prompt_of_part.append(place)
        nearest: list[NearMatch | None] = [None] * len(prompts)
        for place, match in zip(prompt_of_part, self._near.find(parts), strict=True):
            if match is not None:
                nearest[place] = min(nearest[place] or match, match, key=by_similarity)
        return nearest


def _parts(messages: Messages) -> list[str]:
    """The prompt, each user turn and each line that says enough by itself: what a held-out prompt
    in other words may be wrapped in changes the n-grams of the whole."""
    whole = prompt_text(messages)
    turns = [turn["content"] for turn in messages if turn["role"] == "user"]
    enough = min(MIN_WHOLE_WORDS, len(words(whole)) / 2)
    turns = [text for text in turns if len(words(text)) >= MIN_TURN_WORDS]
    lines = [line for text in turns for line in text.splitlines() if len(words(line)) >= enough]
    return list(dict.fromkeys([whole, *turns, *lines]))
