"""Where a sequence is one passage again and again."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Repetition(NamedTuple):
    """A stretch that is one passage without a break; the last turn may be cut short."""

    start: int
    period: int
    covered: int

    @property
    def times(self) -> int:
        """Whole turns."""
        return self.covered // max(self.period, 1)

    @property
    def end(self) -> int:
        """Where it stops."""
        return self.start + self.covered


def longest_repetition(codes: np.ndarray, periods: Iterable[int], times: int) -> Repetition:
    """The longest stretch that is one passage so many times or more; empty where there is none.

    Of several periods of one stretch the shortest is given.
    """
    best = Repetition(0, 0, 0)
    for period in periods:
        breaks = np.flatnonzero(codes[period:] != codes[:-period])
        edges = np.concatenate(([-1], breaks, [len(codes) - period]))
        gaps = np.diff(edges)
        widest = int(np.argmax(gaps))
        covered = int(gaps[widest]) - 1 + period
        if covered >= times * period and covered > best.covered:
            best = Repetition(int(edges[widest]) + 1, period, covered)
    return best


def possible_periods(codes: np.ndarray, longest: int, covered: int) -> list[int]:
    """The periods up to `longest` that a stretch of `covered` may have, ten times or more.

    Such a stretch equals itself a period later for nine tenths of its length; every place of a
    grid that has four in it is looked at, for all periods at once.
    """
    if len(codes) < covered:
        return []
    step = covered * 9 // 10 // 4
    padded = np.concatenate([codes, np.full(longest, np.iinfo(codes.dtype).max, codes.dtype)])
    places = np.lib.stride_tricks.sliding_window_view(padded, longest + 1)[::step]
    same = places[:, 1:] == places[:, :1]
    four_in_a_row = same[:-3] & same[1:-2] & same[2:-1] & same[3:]
    return (np.flatnonzero(four_in_a_row.any(axis=0)) + 1).tolist()


def coded(items: list[str]) -> np.ndarray:
    """Each item as a number, equal ones alike."""
    ids: dict[str, int] = {}
    return np.array([ids.setdefault(item, len(ids)) for item in items], dtype=np.int64)
