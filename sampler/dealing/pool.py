"""All the prompts of some sources: which there are, which to leave out, and the rows of a few.

Sources are read as streams, once for each question, so a pool of a million prompts takes the
memory of their keys (24 bytes each), whatever their length.
"""

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rounds.ids import digest
from rounds.rows import PROMPTS
from rounds.tables import Row, iter_rows
from sampler.dealing.sources.config import SourceConfig
from sampler.dealing.sources.read import source_rows
from texts.leaks import LeakFinder, LeakLimits
from texts.normal import plain

ROWS_AT_ONCE = 4096


class Pool(NamedTuple):
    """Distinct prompts by prompt_key, in the order of the keys; of each its said_key, and the place
    of its source.

    A prompt of several sources belongs to the first. `merged` are rows that repeated another.
    """

    keys: np.ndarray
    said: np.ndarray
    owners: np.ndarray
    merged: int

    def without(self, said: Collection[int]) -> "Pool":
        """The pool without the prompts of these said_keys."""
        kept = ~np.isin(self.said, np.fromiter(said, np.uint64, len(said)))
        return Pool(self.keys[kept], self.said[kept], self.owners[kept], self.merged)


Named = Sequence[tuple[str, SourceConfig]]
"""Sources, each with the config key that it stands at."""


def prompt_key(messages: list[dict[str, str]]) -> int:
    """64 bits that two prompts share when they are the same as `plain` texts."""
    turns = [[turn["role"], plain(turn["content"])] for turn in messages]
    return int(digest("same prompt", turns), 16)


def said_key(messages: list[dict[str, str]]) -> int:
    """The same for two prompts that differ in their system turns only."""
    return prompt_key([turn for turn in messages if turn["role"] != "system"])


def read_pool(sources: Named) -> Pool:
    """The distinct prompts of the sources. Raises UserError for the first that is wrong."""
    found = [_both_keys(source_rows(source, key)) for key, source in sources]
    both = np.concatenate([*found, _both_keys(())])
    owners = np.repeat(np.arange(len(found)), [len(keys) for keys in found])
    keys, first = np.unique(both[:, 0], return_index=True)
    return Pool(keys, both[first, 1], owners[first], len(both) - len(keys))


def near_ones(sources: Named, others: list[Row], threshold: float) -> set[int]:
    """said_keys of the prompts that hold one of `others` or come near to it.

    `threshold` is the Jaccard similarity of word 3-grams.
    """
    held_out = LeakFinder(others, LeakLimits(threshold, None))
    found: set[int] = set()
    rows = all_rows(sources) if others else iter(())
    while some := list(islice(rows, ROWS_AT_ONCE)):
        leaks = held_out.asked_in([row["messages"] for row in some])
        found |= {said_key(row["messages"]) for row, leak in zip(some, leaks, strict=True) if leak}
    return found


def fetch(sources: Named, wanted: Collection[int]) -> dict[int, Row]:
    """The rows of some prompts by key, each merged from all that say the same.

    Tags are joined. Of different references, guidelines or spellings the same one is taken
    whatever the order of the rows.
    """
    keys, rows = set(wanted), dict[int, Row]()
    for row in all_rows(sources) if keys else ():
        key = prompt_key(row["messages"])
        if key in keys:
            rows[key] = _merged(rows[key], row) if key in rows else row
    return rows


def used_prompts(rounds: list[Path]) -> np.ndarray:
    """prompt_key and said_key for each time that the rounds were dealt a prompt, (n, 2)."""
    return _both_keys(
        row for done in rounds for row in iter_rows(done, PROMPTS, ["train"], ["messages"])
    )


def times_dealt(pool: Pool, used: np.ndarray) -> list[int]:
    """How often each prompt of the pool was dealt.

    A prompt whose system turn was changed since is no new prompt: one that was dealt and is in the
    pool no more counts for all that have its said_key. Under two system turns at once it is two.
    """
    changed = ~np.isin(used[:, 0], pool.keys)
    same, alike = Counter(used[~changed, 0].tolist()), Counter(used[changed, 1].tolist())
    both = zip(pool.keys.tolist(), pool.said.tolist(), strict=True)
    return [same[key] + alike[said] for key, said in both]


def all_rows(sources: Named) -> Iterator[Row]:
    """The rows of all the sources, as they are read."""
    for key, source in sources:
        yield from source_rows(source, key)


def _both_keys(rows: Iterable[Row]) -> np.ndarray:
    found = array("Q")
    for row in rows:
        key = prompt_key(messages := row["messages"])
        system = any(turn["role"] == "system" for turn in messages)
        found.extend((key, said_key(messages) if system else key))
    return np.array(found).reshape(-1, 2)


def _merged(first: Row, second: Row) -> Row:
    spelled = min(first, second, key=lambda row: str(row["prompt_id"]))
    beside = {
        name: min(filter(None, (first[name], second[name])), default=None)
        for name in ("reference", "guidelines")
    }
    tags = sorted({*(first["tags"] or ()), *(second["tags"] or ())}) or None
    return {
        **spelled,
        "source": first["source"],
        **beside,
        "tags": tags,
    }
