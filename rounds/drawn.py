"""Which comparisons people are asked about first, and how likely each of them was to be drawn.

Every comparison gets a number between 0 and 1 that follows from the run's seed, divided by its
weight; the smallest quotients come first (priority sampling, Duffield, Lund and Thorup 2007, J. ACM
54). After any number of them, the chance of each to be among these is known: its weight times the
quotient of the first that is not. So nobody has to decide beforehand how many will be asked, and
everyone is asked in the same order.
"""

from collections.abc import Sequence
from math import fsum, inf, sqrt
from typing import NamedTuple

from rounds.contests import ABSTAIN, IDENTICAL, TIE, Contest
from rounds.ids import digest

FLOOR = 0.5
"""What of a weight is the same for all: half of the asking is at random, for a judge may be wrong
where it is sure (mixing with uniform sampling, arXiv 2403.03208, section 4)."""

UNSAID = 0.3
"""How unsure of a winner a judge without probabilities is taken to be: that of nine in ten."""


class Drawn(NamedTuple):
    """A contest with its place in the order: weight, and the quotient that it comes by."""

    contest: Contest
    weight: float
    quotient: float


def draw_order(contests: Sequence[Contest], seed: int, at_random: bool = False) -> list[Drawn]:
    """The contests whose answers differ, in the order in which people are asked.

    Weights are 1 on average and go with how unsure the judge is; `at_random` all are 1.
    """
    asked = [contest for contest in contests if contest.outcome != IDENTICAL]
    unsure = [1.0 if at_random else _unsure(contest) for contest in asked]
    mean = fsum(unsure) / len(unsure) if unsure else 1.0
    order = []
    for contest, own in zip(asked, unsure, strict=True):
        weight = FLOOR + (1 - FLOOR) * own / mean if mean else 1.0
        order.append(Drawn(contest, weight, _number(seed, contest) / weight))
    return sorted(order, key=lambda drawn: drawn.quotient)


def chance_by(order: Sequence[Drawn], place: int) -> float:
    """The chance of the contest at a place, counted from 1, to be among so many."""
    return min(1.0, order[place - 1].weight * _beyond(order, place))


def chances(order: Sequence[Drawn], first: int) -> list[float]:
    """The chance of each of the `first` contests of an order to be among so many."""
    beyond = _beyond(order, first)
    return [min(1.0, drawn.weight * beyond) for drawn in order[:first]]


def _beyond(order: Sequence[Drawn], first: int) -> float:
    """The quotient of the first contest that is not among the `first`."""
    return order[first].quotient if first < len(order) else inf


def _number(seed: int, contest: Contest) -> float:
    """A number above 0 and below 1 that stays the same for the run."""
    return (int(digest("ask people", seed, *contest.ids), 16) + 1) / (2**64 + 2)


def _unsure(contest: Contest) -> float:
    """The deviation of people's answer as the judge's probability has it, at most 1/2."""
    p = contest.settled.probability
    if p is None:
        return 0.5 if contest.outcome in (TIE, ABSTAIN) else UNSAID
    return sqrt(p * (1 - p))
