"""Which of many ids one is, in 16 bytes an id: sorted hashes in the place of a dict of strings."""

from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


class Places:
    """The places of ids, which are named once each, in the order in which they were given.

    Ids are told apart by 64 bits, as ids that are hashes are.
    """

    def __init__(self, ids: Collection[str]) -> None:
        """Raises ValueError where an id is named twice."""
        self._places = np.argsort(hashes(ids), kind="stable")
        self._hashes = hashes(ids)[self._places]
        if np.any(self._hashes[1:] == self._hashes[:-1]):
            raise ValueError("an id is named twice")

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, one: str) -> bool:
        return bool(self.of([one])[0] >= 0)

    def of(self, ids: Collection[str]) -> Numbers:
        """The place of each; -1 for one that is not among them."""
        wanted = hashes(ids)
        if not len(self._hashes):
            return np.full(len(wanted), -1)
        at = np.minimum(np.searchsorted(self._hashes, wanted), len(self._hashes) - 1)
        return np.where(self._hashes[at] == wanted, self._places[at], -1)


def hashes(ids: Iterable[object]) -> Numbers:
    """64 bits of each, the same within one process."""
    return np.fromiter(map(hash, ids), np.int64)
