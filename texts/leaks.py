"""What would teach the held-out prompts: a prompt that is one of them, whatever stands around it,
one in other words, or a text that quotes one."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from rounds.rows import Messages, Prompt
from texts.disguises import undisguised
from texts.letters import PassageFinder
from texts.normal import plain, prompt_text, words
from texts.quotes import MIN_WHOLE_WORDS, Parts, QuoteFinder, WholeTextFinder, between_breaks

MIN_NEAR_WORDS = 17
"""Words from which a held-out prompt can be told in another that differs in some. One of two
shorter prompts that share nearly all may ask about a list and the other about a tuple: how much
they share proves nothing, and only the whole prompt counts."""

PROMPTS_AT_ONCE = 2000


class LeakLimits(NamedTuple):
    """From where on something is too close to a held-out prompt; None switches a check off.

    The defaults are those of the `pairs` section.
    """

    near: float | None = 0.8
    """Share of a held-out prompt, in runs of five letters, that a passage as long holds."""
    overlap: float | None = 0.5
    """Share of the 8-grams of a held-out prompt or reference."""

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> "LeakLimits":
        """The limits that the `pairs` section of a config gives."""
        return cls(section["held_out_near"], section["held_out_overlap"])


DEFAULT_LIMITS = LeakLimits()


class Leak(NamedTuple):
    """held_out_prompt, held_out_near or held_out_overlap, and which prompt it is."""

    reason: str
    detail: str


class LeakFinder:
    """The held-out prompts of a run and their reference answers, without system turns.

    Holds their n-grams in memory: about 200 bytes a word.
    """

    def __init__(self, held_out: Iterable[Prompt], limits: LeakLimits) -> None:
        """From prompt rows; `reference` may be missing."""
        self._limits = limits
        prompts: list[tuple[str, str]] = []
        references: list[tuple[str, str]] = []
        for row in held_out:
            prompts.append((row["prompt_id"], undisguised(prompt_text(row["messages"]))))
            if reference := row.get("reference"):
                references.append((f"reference of {row['prompt_id']}", undisguised(reference)))
        self._id_by_text = {plain(text): prompt_id for prompt_id, text in prompts}
        self._whole = WholeTextFinder(prompts)
        long = [(name, text) for name, text in prompts if len(words(text)) >= MIN_NEAR_WORDS]
        self._long_ids = [prompt_id for prompt_id, _ in long]
        self._passages = PassageFinder(["".join(between_breaks(text).letters) for _, text in long])
        self._quotes = QuoteFinder([*prompts, *references] if limits.overlap is not None else [])

    def discount_shared(self, prompts: Iterable[Messages]) -> None:
        """Other prompts: what many of them say is a template, and quoting it is no leak."""
        self._quotes.discount_shared(undisguised(prompt_text(messages)) for messages in prompts)

    def leaks_of_prompts(self, prompts: Iterable[Messages]) -> list[Leak | None]:
        """For each prompt the held-out one that it is, holds or comes near to, if there is one.

        Reads them as a stream, and best all at once: what many have of a held-out prompt, and miss
        the rest, is a pattern, and nothing that a prompt has to be dropped for.
        """
        leaks: list[Leak | None] = []
        whole = self._as_letters(prompts, leaks)
        if self._limits.near is None:
            for _ in whole:
                pass
            return leaks
        for place, name, share in self._passages.find(whole, self._limits.near):
            detail = f"{share:.0%} of {self._long_ids[name]}"
            leaks[place] = leaks[place] or Leak("held_out_near", detail)
        return leaks

    def quoted_leak(self, prompt: Messages, answers: Iterable[str]) -> Leak | None:
        """The held-out prompt or reference that a prompt or an answer to it holds much of."""
        if self._limits.overlap is None:
            return None
        texts = [undisguised(text) for text in (prompt_text(prompt), *answers)]
        for text in texts[1:]:
            if name := self._whole.find(between_breaks(text), MIN_WHOLE_WORDS):
                return Leak("held_out_overlap", f"all of {name}")
        share, name = self._quotes.most_quoted(texts, self._limits.overlap)
        return Leak("held_out_overlap", f"{share:.0%} of the 8-grams of {name}") if name else None

    def _as_letters(
        self, prompts: Iterable[Messages], leaks: list[Leak | None]
    ) -> Iterator[list[str]]:
        """What the user says in each prompt as letters, some thousand prompts at a time; those that
        are or hold a held-out one go to `leaks`."""
        source = iter(prompts)
        while batch := list(islice(source, PROMPTS_AT_ONCE)):
            texts = []
            for messages in batch:
                text = undisguised(_said_by_user(messages))
                said = between_breaks(text)
                leaks.append(self._whole_leak(text, said, messages))
                texts.append("".join(said.letters))
            yield texts

    def _whole_leak(self, text: str, said: Parts, messages: Messages) -> Leak | None:
        """`text` is what the user says: a held-out prompt may be dealt out over several turns."""
        everything, parts = text, said
        if len(messages) > 1:
            everything = undisguised(prompt_text(messages))
            parts = between_breaks(everything)
        if prompt_id := self._id_by_text.get(plain(everything)):
            return Leak("held_out_prompt", prompt_id)
        prompt_id = self._whole.find(said) or self._whole.find(parts)
        return Leak("held_out_prompt", f"holds all of {prompt_id}") if prompt_id else None


def _said_by_user(messages: Messages) -> str:
    return "\n".join(turn["content"] for turn in messages if turn["role"] == "user")
