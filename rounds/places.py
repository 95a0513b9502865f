"""Which of many ids one is, in 16 bytes an id: sorted hashes in the place of a dict of strings."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


class Places:
    """The places of ids in the order in which they were given; of one that is given twice, the
    first.

    Ids are told apart by 64 bits, as ids that are hashes are.
    """

    def __init__(self, ids: Iterable[object]) -> None:
        given = hashes(ids)
        self._hashes, self._places = np.unique(given, return_index=True)
        self.distinct = len(self._hashes) == len(given)
        """Whether each was given once."""

    def __len__(self) -> int:
        """How many different ones there are."""
        return len(self._hashes)

    def __contains__(self, one: object) -> bool:
        return self.place(one) >= 0

    def place(self, one: object) -> int:
        """The place of one; -1 where it is not among them."""
        wanted = hash(one)
        at = int(np.searchsorted(self._hashes, wanted))
        found = at < len(self._hashes) and int(self._hashes[at]) == wanted
        return int(self._places[at]) if found else -1

    def of(self, ids: Iterable[object]) -> Numbers:
        """The place of each."""
        wanted = hashes(ids)
        if not len(self._hashes):
            return np.full(len(wanted), -1)
        at = np.minimum(np.searchsorted(self._hashes, wanted), len(self._hashes) - 1)
        return np.where(self._hashes[at] == wanted, self._places[at], -1)


def hashes(ids: Iterable[object]) -> Numbers:
    """64 bits of each, the same within one process."""
    return np.fromiter(map(hash, ids), np.int64)


def twice(given: Numbers) -> set[int]:
    """The hashes that are there more than once."""
    found, counts = np.unique(given, return_counts=True)
    return set(found[counts > 1].tolist())
