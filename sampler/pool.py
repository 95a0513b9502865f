"""All the prompts of some sources: which there are, which to leave out, and the rows of a few.

Sources are read as streams, once for each question, so a pool of a million prompts takes the
memory of their keys (16 bytes each), whatever their length.
"""

from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rounds.ids import digest
from rounds.near import Near
from rounds.normal import asked, plain
from rounds.tables import Row, iter_rows
from sampler.sources.config import SourceConfig
from sampler.sources.read import source_rows

ROWS_AT_ONCE = 4096


class Pool(NamedTuple):
    """Distinct prompts by key, in the order of the keys, and the place of the source of each.

    A prompt of several sources belongs to the first. `merged` are rows that repeated another.
    """

    keys: np.ndarray
    owners: np.ndarray
    merged: int

    def without(self, keys: Collection[int]) -> "Pool":
        """The pool with some prompts left out."""
        kept = ~np.isin(self.keys, np.fromiter(keys, np.uint64, len(keys)))
        return Pool(self.keys[kept], self.owners[kept], self.merged)


Named = Sequence[tuple[str, SourceConfig]]
"""Sources, each with the config key that it stands at."""


def prompt_key(messages: list[dict[str, str]]) -> int:
    """64 bits that two prompts share when they are the same as `plain` texts."""
    turns = [[turn["role"], plain(turn["content"])] for turn in messages]
    return int(digest("same prompt", turns), 16)


def read_pool(sources: Named) -> Pool:
    """The distinct prompts of the sources. Raises UserError for the first that is wrong."""
    found = [
        np.array(array("Q", (prompt_key(row["messages"]) for row in source_rows(source, key))))
        for key, source in sources
    ]
    all_keys = np.concatenate([*found, np.empty(0, np.uint64)])
    owners = np.repeat(np.arange(len(found)), [len(keys) for keys in found])
    keys, first = np.unique(all_keys, return_index=True)
    return Pool(keys, owners[first], len(all_keys) - len(keys))


def near_ones(sources: Named, others: list[Row], threshold: float) -> set[int]:
    """Keys of the prompts that come near to one of `others` (Jaccard of word 3-grams)."""
    near = Near(threshold)
    near.add([asked(row["messages"]) for row in others])
    found: set[int] = set()
    rows = _all_rows(sources) if others else iter(())
    while some := list(islice(rows, ROWS_AT_ONCE)):
        hits = near.find([asked(row["messages"]) for row in some])
        found |= {prompt_key(row["messages"]) for row, hit in zip(some, hits, strict=True) if hit}
    return found


def fetch(sources: Named, wanted: Collection[int]) -> dict[int, Row]:
    """The rows of some prompts by key, each merged from all that say the same.

    Tags are joined. Of different references, guidelines or spellings the same one is taken
    whatever the order of the rows.
    """
    keys, rows = set(wanted), dict[int, Row]()
    for row in _all_rows(sources) if keys else ():
        key = prompt_key(row["messages"])
        if key in keys:
            rows[key] = _merged(rows[key], row) if key in rows else row
    return rows


def used_prompts(rounds: list[Path]) -> Counter[int]:
    """How many of the rounds each prompt has been dealt to."""
    return Counter(
        prompt_key(row["messages"])
        for done in rounds
        for row in iter_rows(done, "prompts", ["train"], ["messages"])
    )


def _all_rows(sources: Named) -> Iterator[Row]:
    for key, source in sources:
        yield from source_rows(source, key)


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
