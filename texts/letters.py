"""Texts as one run of letters: where words begin and end says nothing, so that letters with spaces
between them are found, and a word that was edited costs the few letters around it."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from texts.word_hashes import Hashes, Indices, mixed, powers

RUN = 5
"""Letters in a run: an edited word takes some nine runs of five with it."""

WINDOW = 1.3
"""How much longer than a text the passage may be in which its runs are looked for."""

SIBLING, COPY = 0.5, 0.97
"""What share of the runs of a text another one holds that says the same with another word here and
there, and one that is the text itself."""

SIBLINGS = 4
"""So many siblings show what of a text is a pattern, and what it asks about."""

OPERATORS = "<>=+^%\u2200-\u22ff\u00b1\u00d7\u00f7"
"""What counts as a letter besides, within a character class."""

_NO_LETTER = re.compile(rf"[^\w{OPERATORS}]+|_+")
_CODES = np.array(
    [(0x9E3779B97F4A7C15 * (2 * code + 1)) % 2**64 for code in range(4096)], np.uint64
)


def letters(text: str) -> str:
    """The letters, digits and operators of an undisguised text."""
    joined = text.replace(" ", "")
    return joined if joined.isalnum() else _NO_LETTER.sub("", joined)


class _Match(NamedTuple):
    """A text that holds much of a named one: its place, which one, and which runs of it."""

    text: str
    place: int
    name: int
    share: float
    runs: NDArray[np.bool_]


Siblings = dict[int, dict[str, NDArray[np.bool_]]]


class PassageFinder:
    """Which of some named texts stand in others, but for some edited words.

    Each is known by its distinct runs of letters. Holds 16 bytes a letter.
    """

    def __init__(self, named: Sequence[str]) -> None:
        runs = [np.unique(_runs([text])[0]) for text in named]
        self._lengths = np.array([len(text) for text in named], np.int64)
        self._sizes = np.array([len(each) for each in runs], np.int64)
        self._begins = np.concatenate([np.zeros(1, np.int64), np.cumsum(self._sizes)])
        all_runs = np.concatenate([np.zeros(0, np.uint64), *runs])
        owners = np.repeat(np.arange(len(named)), self._sizes)
        order = np.argsort(all_runs, kind="stable")
        self._hashes, self._owners = all_runs[order], owners[order]
        self._entries = order - self._begins[self._owners]  # the place of the run in its text
        self._among_named = _siblings(self._matches(named, 0, SIBLING))

    def find(self, batches: Iterable[Sequence[str]], least: float) -> list[tuple[int, int, float]]:
        """The place of each text that holds `least` or more of a named one, which one, how much.

        Of a named one that has SIBLINGS, among all texts and the named ones, what these share
        counts less, and what few of them have counts most. The best one for each text, the first
        of equals.
        """
        matches: list[_Match] = []
        before = 0
        for batch in batches:
            matches += self._matches(batch, before, min(least, SIBLING))
            before += len(batch)
        weights = _weights(self._among_named, _siblings(matches))
        best: dict[int, tuple[float, int]] = {}
        for match in matches:
            weight = weights.get(match.name)
            share = match.share
            if weight is not None and share < COPY:
                share = float(weight[match.runs].sum() / weight.sum())
            if share >= least and (-share, match.name) < best.get(match.place, (0.0, 0)):
                best[match.place] = (-share, match.name)
        return [(place, name, -share) for place, (share, name) in sorted(best.items())]

    def _matches(self, texts: Sequence[str], before: int, least: float) -> list[_Match]:
        hashes, text_of, at = _runs(texts)
        if not len(self._hashes) or not len(hashes):
            return []
        first = np.searchsorted(self._hashes, hashes)
        known = np.flatnonzero(self._hashes[np.minimum(first, len(self._hashes) - 1)] == hashes)
        counts = np.searchsorted(self._hashes, hashes[known], side="right") - first[known]
        begins = np.cumsum(counts) - counts
        entry = np.arange(counts.sum()) + np.repeat(first[known] - begins, counts)
        hit = np.repeat(known, counts)
        owner = self._owners[entry]
        pair = text_of[hit] * len(self._sizes) + owner
        order = np.argsort(pair, kind="stable")
        pairs, starts, totals = np.unique(pair[order], return_index=True, return_counts=True)
        possible = totals >= least * self._sizes[pairs % len(self._sizes)]
        found = []
        for which, start, total in zip(
            pairs[possible], starts[possible], totals[possible], strict=True
        ):
            ours = order[start : start + total]
            place, name = divmod(int(which), len(self._sizes))
            runs = self._best_window(at[hit[ours]], self._entries[entry[ours]], name)
            share = float(runs.sum() / self._sizes[name])
            if share >= least:
                found.append(_Match(texts[place], before + place, name, share, runs))
        return found

    def _best_window(self, at: Indices, entries: Indices, name: int) -> NDArray[np.bool_]:
        """Which runs of a named text stand in the passage of about its length that has most."""
        width = int(WINDOW * self._lengths[name]) + RUN
        ends = np.searchsorted(at, at + width)
        first = int(np.argmax(ends - np.arange(len(at))))
        runs = np.zeros(self._sizes[name], bool)
        runs[entries[first : ends[first]]] = True
        return runs


def _siblings(matches: list[_Match]) -> Siblings:
    """The runs of each named text that its siblings hold, by what these say: one that is there
    several times is one."""
    siblings: Siblings = {}
    for match in matches:
        if match.share < COPY:
            siblings.setdefault(match.name, {})[match.text] = match.runs
    return siblings


def _weights(*found: Siblings) -> dict[int, NDArray[np.float64]]:
    """How much each run counts of a text that has siblings: the less the more of them have it."""
    weights: dict[int, NDArray[np.float64]] = {}
    for name in set().union(*found):
        each: dict[str, NDArray[np.bool_]] = {}
        for siblings in found:
            each |= siblings.get(name, {})
        if len(each) >= SIBLINGS:
            weights[name] = 1.0 - np.mean(list(each.values()), axis=0) + 1e-9
    return weights


def _runs(texts: Sequence[str]) -> tuple[Hashes, Indices, Indices]:
    """The hashed runs of letters of some texts: whose each is, and at which letter it begins."""
    whole = "".join(texts)
    codes = np.frombuffer(whole.encode("utf-32-le", "surrogatepass"), np.uint32)
    up, down = powers(1 << max(len(codes), 1).bit_length())
    values = _CODES[codes & 4095] + codes.astype(np.uint64)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(values * up[: len(codes)])])
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    counts = np.maximum(lengths - RUN + 1, 0)
    begins = np.cumsum(lengths) - lengths
    text_of = np.repeat(np.arange(len(texts)), counts)
    at = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    first = begins[text_of] + at
    return mixed((sums[first + RUN] - sums[first]) * down[first]), text_of, at
