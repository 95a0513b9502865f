"""Pairs that would teach the held-out prompts: equal, nearly equal, or quoted in an answer."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice

from pairs.config import PairsConfig
from pairs.pair import Pair, Why
from rounds.near import Hit, Near
from rounds.normal import asked, plain, words
from rounds.tables import Row

NGRAM = 8
SHARED = 3, 5
"""An n-gram of so many held-out prompts, or so many prompts of the round, is a template or an
instruction and gives none away."""
LEAST = 8
"""N-grams that a pair must hold of a prompt, or all that it has, shared ones included. Of a short
prompt that differs in one word most can be there, and the word is what it asks about."""

AT_ONCE = 2000
"""Prompts that are compared with all held-out ones at once."""


class HeldOut:
    """The held-out prompts of a round and their reference answers, without system turns.

    Holds their n-grams in memory: about 100 bytes a word.
    """

    def __init__(self, rows: Iterable[Row], train: Iterable[Row], config: PairsConfig) -> None:
        """From prompt rows, held-out and train; of the latter only what is near one is kept."""
        self._config = config
        self._names: list[str] = []
        texts: list[str] = []
        references: list[tuple[str, str]] = []
        for row in rows:
            self._names.append(row["prompt_id"])
            texts.append(asked(row["messages"]))
            if row["reference"]:
                references.append((f"reference of {row['prompt_id']}", row["reference"]))
        self._plain = {plain(text): name for text, name in zip(texts, self._names, strict=True)}
        self._quotes = Quotes([*zip(self._names, texts, strict=True), *references])
        near = Near(config.held_out_near or 1, config.ngram)
        near.add(texts)
        self._near: dict[str, Hit] = {}
        rows = iter(train)
        while some := list(islice(rows, AT_ONCE)):
            prompts = [asked(row["messages"]) for row in some]
            self._quotes.shared_with(prompts)
            for row, hit in zip(some, near.find(prompts), strict=True):
                if hit is not None:
                    self._near[row["prompt_id"]] = hit

    def equals(self, pair: Pair) -> Why | None:
        """A prompt that is a held-out one, but for case and white space."""
        found = self._plain.get(plain(asked(pair.row["prompt"])))
        return Why("held_out_prompt", found) if found else None

    def resembles(self, pair: Pair) -> Why | None:
        """A prompt that is nearly a held-out one."""
        hit = self._near.get(pair.row["prompt_id"])
        if self._config.held_out_near is None or hit is None:
            return None
        return Why("held_out_near", f"Jaccard {hit.jaccard:.3f} with {self._names[hit.place]}")

    def quoted(self, pair: Pair) -> Why | None:
        """A prompt or an answer that holds much of a held-out prompt or reference."""
        least = self._config.held_out_overlap
        if least is None:
            return None
        share, name = self._quotes.most([asked(pair.row["prompt"]), *pair.sides], least)
        return Why("held_out_overlap", f"{share:.0%} of the 8-grams of {name}") if name else None


class Quotes:
    """Which of some named texts are quoted, told by n-grams that few others share."""

    def __init__(self, named: Iterable[tuple[str, str]]) -> None:
        grams = {name: set(_ngrams(text)) for name, text in named}
        self._least = {name: min(LEAST, len(found)) for name, found in grams.items()}
        ours = Counter(gram for found in grams.values() for gram in found)
        self._of: dict[str, list[str]] = {}
        for name, found in grams.items():
            for gram in found:
                if ours[gram] < SHARED[0]:
                    self._of.setdefault(gram, []).append(name)
        self._size = Counter(name for names in self._of.values() for name in names)
        self._others: Counter[str] = Counter()

    def shared_with(self, texts: Iterable[str]) -> None:
        """Texts of others: an n-gram that many of them hold counts no longer."""
        for text in texts:
            for gram in set(_ngrams(text)) & self._of.keys():
                self._others[gram] += 1
                if self._others[gram] >= SHARED[1]:
                    self._size.subtract(self._of.pop(gram))

    def most(self, texts: Iterable[str], least: float) -> tuple[float, str | None]:
        """The text that is held to the largest share, from `least` on, and that share."""
        there = {gram for text in texts for gram in _ngrams(text)}
        held = Counter(name for gram in there for name in self._of.get(gram, ()))
        enough = [
            (count / self._size[name], name)
            for name, count in held.items()
            if count >= least * self._size[name] and count >= self._least[name]
        ]
        return max(enough, default=(0.0, None), key=lambda found: (found[0], str(found[1])))


def _ngrams(text: str) -> Iterable[str]:
    found = words(text)
    return (" ".join(found[at : at + NGRAM]) for at in range(len(found) - NGRAM + 1))
