"""The variants of a sweep: what each sets, and which of them is taken."""

from collections.abc import Mapping, Sequence
from itertools import product
from math import sqrt
from typing import Any, NamedTuple

LEAST_HELD_OUT = 10
"""Held-out pairs below which nothing tells variants apart: one pair is a tenth."""


class Rated(NamedTuple):
    """How often a variant is right on so many held-out pairs; None where it was not measured, and
    why it fell apart if it did.
    """

    accuracy: float | None
    n: int
    fault: str | None = None


Sweep = Mapping[str, Sequence[Any]] | Sequence[dict[str, Any]]
"""Lists by argument, or settings one by one."""


def settings_of(sweep: Sweep) -> list[dict[str, Any]]:
    """What each variant sets, in their order: of lists by argument all combinations, the last
    argument changing first.
    """
    if not isinstance(sweep, Mapping):
        return [dict(one) for one in sweep]
    return [dict(zip(sweep, values, strict=True)) for values in product(*sweep.values())]


def setting_text(setting: Mapping[str, Any]) -> str:
    """A variant in words."""
    return ", ".join(f"{name} {value}" for name, value in setting.items()) or "args as they are"


def best_of(rated: Sequence[Rated]) -> int | None:
    """The place of the variant that is taken; None where all fell apart.

    The first within one standard error of the highest accuracy (the one-standard-error rule of
    Breiman et al. 1984): what lies closer is noise, and whoever lists the variants says by their
    order which he would rather have. The error is that of the highest, with two right and two wrong
    added (Agresti and Coull 1998), so that it is not 0 where all are right. Where none was
    measured, the first that did not fall apart.
    """
    measured = [one for one in rated if one.fault is None and one.accuracy is not None]
    if not measured:
        return next((place for place, one in enumerate(rated) if one.fault is None), None)
    top = highest(measured)
    least = (top.accuracy or 0.0) - standard_error(top)
    within = [one in measured and (one.accuracy or 0.0) >= least for one in rated]
    return within.index(True)


def highest(measured: Sequence[Rated]) -> Rated:
    """The one with the highest accuracy, the first of equals."""
    return max(measured, key=lambda one: one.accuracy or 0.0)


def standard_error(one: Rated) -> float:
    """Of an accuracy on n pairs."""
    share = ((one.accuracy or 0.0) * one.n + 2) / (one.n + 4)
    return sqrt(share * (1 - share) / (one.n + 4))
