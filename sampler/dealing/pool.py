"""All the prompts of some sources: which there are, which to leave out, and the rows of a few.

Sources are read as streams, once for each question, so a pool of a million prompts takes the
memory of their keys (24 bytes each), whatever their length.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import reduce
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rounds.ids import digest
from rounds.rows import PROMPTS, Messages, Prompt
from rounds.tables import iter_rows
from sampler.dealing.in_order import KEY, InOrder
from sampler.dealing.sources.config import SourceConfig
from sampler.dealing.sources.read import source_rows
from sampler.dealing.sources.rows import SourcePrompt
from texts.leaks import LeakFinder, LeakLimits
from texts.normal import plain


class Pool(NamedTuple):
    """Distinct prompts by prompt_key, in the order of the keys; of each its question_key, and the
    place of its source.

    A prompt of several sources belongs to the first. `merged` are rows that repeated another.
    """

    keys: np.ndarray
    question_keys: np.ndarray
    owners: np.ndarray
    merged: int

    def without(self, question_keys: Collection[int]) -> "Pool":
        """The pool without the prompts of these question_keys."""
        left_out = np.fromiter(question_keys, np.uint64, len(question_keys))
        kept = ~np.isin(self.question_keys, left_out)
        return Pool(self.keys[kept], self.question_keys[kept], self.owners[kept], self.merged)


KeyedSources = Sequence[tuple[str, SourceConfig]]
"""Sources, each with the config key that it stands at."""


def prompt_key(messages: Messages) -> int:
    """64 bits that two prompts share when they are the same as `plain` texts."""
    turns = [[turn["role"], plain(turn["content"])] for turn in messages]
    return int(digest("same prompt", turns), 16)


def question_key(messages: Messages) -> int:
    """The same for two prompts that differ in their system turns only."""
    return prompt_key([turn for turn in messages if turn["role"] != "system"])


def read_pool(sources: KeyedSources) -> Pool:
    """The distinct prompts of the sources. Raises UserError for the first that is wrong."""
    of_sources = [
        _both_keys(row["messages"] for row in source_rows(source, key)) for key, source in sources
    ]
    both = np.concatenate([*of_sources, _both_keys(())])
    owners = np.repeat(np.arange(len(of_sources)), [len(keys) for keys in of_sources])
    keys, first = np.unique(both[:, 0], return_index=True)
    return Pool(keys, both[first, 1], owners[first], len(both) - len(keys))


def near_question_keys(
    sources: KeyedSources, held_out: Collection[Prompt], threshold: float
) -> set[int]:
    """question_keys of the prompts that hold one of the held-out prompts or come near to it.

    `threshold` is the share of a held-out prompt that counts (texts.leaks.LeakLimits).
    """
    leak_finder = LeakFinder(held_out, LeakLimits(threshold, None))
    keys = array("Q")

    def prompts() -> Iterator[Messages]:
        for row in all_rows(sources) if held_out else ():
            keys.append(question_key(row["messages"]))
            yield row["messages"]

    leaks = leak_finder.leaks_of_prompts(prompts())
    return {key for key, leak in zip(keys, leaks, strict=True) if leak}


def rows_by_key(sources: KeyedSources, keys: Collection[int]) -> dict[int, SourcePrompt]:
    """The rows of a few prompts by prompt_key, each merged from all that say the same.

    Tags are joined. Of different references, guidelines or spellings the same one is taken
    whatever the order of the rows.
    """
    wanted, rows = set(keys), dict[int, SourcePrompt]()
    for row in all_rows(sources) if wanted else ():
        key = prompt_key(row["messages"])
        if key in wanted:
            rows[key] = _merged(rows[key], row) if key in rows else row
    return rows


def rows_of_keys(sources: KeyedSources, keys: np.ndarray, work: Path) -> Iterator[SourcePrompt]:
    """The rows of any number of prompts, as `rows_by_key` has them, in the order of the keys; what
    is too much for memory goes through files in `work`.
    """
    wanted, alike = np.sort(keys), InOrder(work)
    for row in all_rows(sources) if len(keys) else ():
        key = prompt_key(row["messages"])
        at = int(np.searchsorted(wanted, np.uint64(key)))
        if at < len(wanted) and int(wanted[at]) == key:
            alike.add(key, row)
    for _, same in groupby(alike, KEY):
        yield reduce(_merged, (row for _, row in same))


def dealt_keys(rounds: list[Path]) -> np.ndarray:
    """prompt_key and question_key for each time that the rounds were dealt a prompt, (n, 2)."""
    return _both_keys(
        row["messages"]
        for done in rounds
        for row in iter_rows(done, PROMPTS, ["train"], ["messages"])
    )


def times_dealt(pool: Pool, dealt: np.ndarray) -> np.ndarray:
    """How often each prompt of the pool was dealt, given the dealt_keys.

    A prompt whose system turn was changed since is no new prompt: one that was dealt and is in the
    pool no more counts for all that have its question_key. Under two system turns at once it is
    two.
    """
    changed = ~np.isin(dealt[:, 0], pool.keys)
    same, alike = dealt[~changed, 0], dealt[changed, 1]
    return _times(pool.keys, same) + _times(pool.question_keys, alike)


def _times(keys: np.ndarray, among: np.ndarray) -> np.ndarray:
    """How often each key is among others."""
    ordered = np.sort(among)
    first, end = (np.searchsorted(ordered, keys, side) for side in ("left", "right"))
    return end - first


def all_rows(sources: KeyedSources) -> Iterator[SourcePrompt]:
    """The rows of all the sources, as they are read."""
    for key, source in sources:
        yield from source_rows(source, key)


def _both_keys(prompts: Iterable[Messages]) -> np.ndarray:
    both = array("Q")
    for messages in prompts:
        key = prompt_key(messages)
        has_system = any(turn["role"] == "system" for turn in messages)
        both.extend((key, question_key(messages) if has_system else key))
    return np.array(both).reshape(-1, 2)


def _merged(first: SourcePrompt, second: SourcePrompt) -> SourcePrompt:
    spelled = min(first, second, key=lambda row: row["prompt_id"])
    return {
        **spelled,
        "source": first["source"],
        "reference": _lesser(first["reference"], second["reference"]),
        "guidelines": _lesser(first["guidelines"], second["guidelines"]),
        "tags": sorted({*(first["tags"] or ()), *(second["tags"] or ())}) or None,
    }


def _lesser(one: str | None, other: str | None) -> str | None:
    return min(filter(None, (one, other)), default=None)
