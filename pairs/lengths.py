"""The length guard: how much longer the chosen answers may be than the rejected ones."""

from math import floor
from typing import NamedTuple

MIN_PAIRS = 20
"""Pairs from which a mean says something; fewer are let pass."""


class Lengths(NamedTuple):
    """A pair's id and the lengths of its sides, in characters."""

    pair_id: str
    chosen: int
    rejected: int


def length_difference(pairs: list[Lengths]) -> float | None:
    """Mean chosen minus mean rejected length, as a share of the latter; None without pairs."""
    rejected = sum(pair.rejected for pair in pairs)
    return (sum(pair.chosen for pair in pairs) - rejected) / rejected if rejected else None


def dropped_by_guard(pairs: list[Lengths], bound: float | None, share: float) -> list[Lengths]:
    """The fewest pairs without which the difference is within the bound, in both directions.

    The difference is beyond it where the excesses (chosen - rejected - bound * rejected, or with
    the sides turned) sum to more than 0, so the pairs with the largest go: no other order, and no
    weights of 0 to 1, take less. Among equals the one with the smaller id goes. At most `share` of
    the pairs: those that bring the difference down most. The order of the pairs does not matter.
    """
    return _all_dropped(pairs, bound)[: floor(share * len(pairs))]


def _all_dropped(pairs: list[Lengths], bound: float | None) -> list[Lengths]:
    dropped: list[Lengths] = []
    while bound is not None and len(pairs) >= MIN_PAIRS:
        gone = set(dropped)
        kept = [pair for pair in pairs if pair not in gone]
        more = _largest_excess(kept, bound, 1) or _largest_excess(kept, bound, -1)
        if not more:
            break
        dropped += more  # a second time only where one pair tips the mean to the other side
    return dropped


def _largest_excess(pairs: list[Lengths], bound: float, sign: int) -> list[Lengths]:
    def excess(pair: Lengths) -> float:
        return sign * (pair.chosen - pair.rejected) - bound * pair.rejected

    over = sign * sum(pair.chosen - pair.rejected for pair in pairs)
    base = sum(pair.rejected for pair in pairs)
    dropped: list[Lengths] = []
    for pair in sorted(pairs, key=lambda pair: (-excess(pair), pair.pair_id)):
        if over <= bound * base:
            break
        over -= sign * (pair.chosen - pair.rejected)
        base -= pair.rejected
        dropped.append(pair)
    return dropped
