"""How far the judge is to be believed: its gold set, its tests and the bounds it is held to."""

import re
from typing import Annotated, NamedTuple

from pydantic import Field

from preferences.config import Data
from rounds.settings import Section


class Gold(Section):
    """Labelled pairs that measure the judge."""

    path: Data
    """JSONL: {"prompt", "a", "b", "label": "a"|"b"|"tie"} or {"prompt", "chosen", "rejected"}; or
    preference data of any known shape: a file, a folder or a dataset's id, with `limit` so many."""
    min_n: int = Field(50, ge=1)
    """Decided pairs that a threshold or a flip rate taken from them must rest on."""


Bound = Annotated[float, Field(ge=0, le=1)]


class Bounds(Section):
    """Past one of these the round stops before training. null switches a bound off.

    Rates of fewer than `min_n` cases stop nothing.
    """

    min_n: int = Field(20, ge=1)
    """Cases that a rate must rest on before it stops anything."""
    min_yield: Bound | None = 0.02
    """Decided comparisons as a share of the prompts judged."""
    max_failures: Bound | None = 0.2
    """Calls without a readable verdict: refused, cut off, off the menu, failed."""
    max_flips: Bound | None = 0.6
    """Comparisons that the order reverses: a is better in one, b in the other."""
    max_first_slot: Bound | None = 0.85
    """Share of decisive verdicts for the answer shown first, or for the one shown second."""
    max_ties: Bound | None = 0.9
    """Share of the comparisons that the judge calls a tie."""
    max_longer_chosen: Bound | None = 0.9
    """Share of decided comparisons of unequal length that the longer answer wins."""
    max_canaries: Bound | None = 0.2
    """Share of the comparisons with a worthless text that the text wins."""
    max_unstable: Bound | None = 0.3
    """Share of verdicts that change when the same call is repeated."""
    max_drift: Bound | None = 0.3
    """Share of the first round's verdicts that come out otherwise now."""
    min_gold_accuracy: Bound | None = 0.5
    """On the gold pairs that the judge decides."""


class Health(Section):
    """Measuring the judge, every round."""

    sample: int = Field(8, ge=0)
    """Prompts on which the judge meets canaries, triads and the second judge. Repeats and anchors
    are one call each and done on four times as many."""
    second: str | None = None
    """An endpoint of another family that judges the sample as well."""
    bounds: Bounds = Bounds()


class FromGold(NamedTuple):
    """A threshold that is taken from the gold set: the accuracy that is wanted beyond it, and the
    rule, `bound` (it holds for the pairs to come) or `point` (it held on the gold set)."""

    accuracy: float
    rule: str


def wanted_accuracy(tau: float | str) -> FromGold | None:
    """What `from_gold(0.9)` and `from_gold(0.9, point)` ask for; None for anything else."""
    if not isinstance(tau, str):
        return None
    given = re.fullmatch(r"from_gold\(\s*([0-9.]+)\s*(,\s*point\s*)?\)", tau)
    try:
        accuracy = float(given[1]) if given else 0.0
    except ValueError:
        return None
    if given is None or not 0.5 < accuracy < 1:
        return None
    return FromGold(accuracy, "point" if given[2] else "bound")
