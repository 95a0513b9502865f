"""Rows of any number in the order of their keys, in bounded memory: sorted stretches, merged."""

import json
from collections.abc import Iterator
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Any

ROWS_AT_ONCE = 16_384
"""Rows held in memory."""

KEY = itemgetter(0)

Keyed = tuple[Any, Any]
"""A key, which JSON can hold, and a row."""


class InOrder:
    """Takes (key, row) in any order and gives them in that of the keys, as often as it is read.

    Of equal keys the one that was taken first comes first. Files are in `work`, which is there when
    there are more than ROWS_AT_ONCE.
    """

    def __init__(self, work: Path) -> None:
        self._work = work
        self._held: list[Keyed] = []
        self._stretches: list[Path] = []

    def add(self, key: Any, row: Any) -> None:
        """Take a row."""
        self._held.append((key, row))
        if len(self._held) == ROWS_AT_ONCE:
            self._write()

    def __len__(self) -> int:
        return ROWS_AT_ONCE * len(self._stretches) + len(self._held)

    def __iter__(self) -> Iterator[Keyed]:
        self._held.sort(key=KEY)
        return merge(*map(_read, self._stretches), iter(self._held), key=KEY)

    def _write(self) -> None:
        self._work.mkdir(exist_ok=True)
        path = self._work / f"{len(self._stretches)}.jsonl"
        with path.open("w", encoding="ascii") as file:
            for keyed in sorted(self._held, key=KEY):
                file.write(json.dumps(keyed) + "\n")
        self._stretches.append(path)
        self._held = []


def _read(path: Path) -> Iterator[Keyed]:
    with path.open(encoding="ascii") as file:
        for line in file:
            key, row = json.loads(line)
            yield key, row
