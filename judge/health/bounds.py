"""The bounds that a judge is held to before anything is trained on its labels."""

from fractions import Fraction
from typing import Any, Literal, NamedTuple

from judge.health.config import Bounds
from rounds.rates import as_written
from rounds.stopped import Bound

Rate = dict[str, Any]


class Bounded(NamedTuple):
    """A bound: its name, the rate it is on, what that rate is of, on which side it must stay."""

    name: str
    rate: Rate
    description: str
    side: Literal["most", "least"] = "most"


def held_to(
    measures: dict[str, Any] | None, gold: dict[str, Any] | None, bounds: Bounds
) -> list[Bound]:
    """Every bound that there is a rate for; one of fewer than min_n cases crosses none.

    `measures` are of `measures.measure`, `gold` of `gold.measure_gold`; None where there are none.
    """
    every = (_of_round(measures) if measures else []) + (_of_gold(gold) if gold else [])
    return [
        {
            "name": bounded.name,
            "description": bounded.description,
            "value": value,
            "n": bounded.rate["n"],
            "limit": limit,
            "side": bounded.side,
            "crossed": bounded.rate["n"] >= bounds.min_n
            and _is_crossed(bounded.rate, limit, bounded.side),
        }
        for bounded in every
        if (limit := getattr(bounds, bounded.name)) is not None
        and (value := bounded.rate["value"]) is not None
    ]


def crossed_bounds(
    measures: dict[str, Any] | None, gold: dict[str, Any] | None, bounds: Bounds
) -> list[str]:
    """One sentence for every bound that is crossed."""
    return [_sentence(bound) for bound in held_to(measures, gold, bounds) if bound["crossed"]]


def _is_crossed(rate: Rate, limit: float, side: str) -> bool:
    """Compared as the fractions that they are: 3 of 10 is at 0.3 and not beyond it."""
    share = Fraction(round(rate["value"] * rate["n"]), rate["n"])
    return share > as_written(limit) if side == "most" else share < as_written(limit)


def _of_round(measures: dict[str, Any]) -> list[Bounded]:
    canaries = measures["canaries"]
    won = ", ".join(name for name, rates in canaries["names"].items() if rates["chosen"]["value"])
    of_canaries = f"comparisons with a worthless text that the text wins ({won})"
    first = measures["first_slot"]
    return [
        Bounded("min_yield", measures["yield"], "prompts judged that give a label", "least"),
        Bounded("max_failures", measures["failures"], f"calls that fail ({_reasons(measures)})"),
        Bounded("max_flips", measures["flips"], "comparisons that the order shown reverses"),
        Bounded("max_first_slot", first, "decisive verdicts for the answer shown first"),
        Bounded(
            "max_first_slot", _opposite(first), "decisive verdicts for the answer shown second"
        ),
        Bounded("max_ties", measures["ties"], "verdicts that are a tie"),
        Bounded("max_longer_chosen", measures["longer_chosen"], "labels for the longer answer"),
        Bounded("max_canaries", canaries["chosen"], of_canaries),
        Bounded(
            "max_unstable", _opposite(measures["stability"]), "repeated calls that say otherwise"
        ),
        Bounded("max_drift", measures["drift"], "verdicts of the first round that are others now"),
    ]


def _of_gold(gold: dict[str, Any]) -> list[Bounded]:
    description = "decided gold pairs that are decided rightly"
    return [Bounded("min_gold_accuracy", gold["accuracy"], description, "least")]


def _opposite(rate: Rate) -> Rate:
    """The rate of the opposite."""
    return {**rate, "value": None if rate["value"] is None else 1 - rate["value"]}


def _reasons(measures: dict[str, Any]) -> str:
    reasons = measures["failures"]["reasons"]
    return ", ".join(f"{reason} {n}" for reason, n in reasons.items())


def _sentence(bound: Bound) -> str:
    return (
        f"{bound['description']}: {bound['value']:.3f} of {bound['n']}, "
        f"at {bound['side']} {bound['limit']:g} (judge.health.bounds.{bound['name']})"
    )
