"""The bounds that a judge is held to before anything is trained on its labels."""

from typing import Any, Literal, NamedTuple

from judge.health.config import Bounds

Rate = dict[str, Any]


class Check(NamedTuple):
    """One bound: the rate it is on, what the rate says, and on which side it must stay."""

    name: str
    rate: Rate
    says: str
    side: Literal["most", "least"] = "most"


def crossed(
    measures: dict[str, Any] | None, gold: dict[str, Any] | None, bounds: Bounds
) -> list[str]:
    """One sentence for every bound that is crossed; a rate of fewer than min_n cases crosses none.

    `measures` are of `measures.measure`, `gold` of `gold.measure_gold`; None where there are none.
    """
    checks = (_checks(measures) if measures else []) + (_gold_checks(gold) if gold else [])
    return [
        _sentence(check, value, bound)
        for check in checks
        if (bound := getattr(bounds, check.name)) is not None
        and (value := check.rate["value"]) is not None
        and check.rate["n"] >= bounds.min_n
        and (value > bound if check.side == "most" else value < bound)
    ]


def _checks(measures: dict[str, Any]) -> list[Check]:
    canaries = measures["canaries"]
    won = ", ".join(name for name, one in canaries["names"].items() if one["chosen"]["value"])
    of_canaries = f"comparisons with a worthless text that the text wins ({won})"
    first = measures["first_slot"]
    return [
        Check("min_yield", measures["yield"], "prompts judged that give a label", "least"),
        Check("max_failures", measures["failures"], f"calls that fail ({_reasons(measures)})"),
        Check("max_flips", measures["flips"], "comparisons that turn with the order shown"),
        Check("max_first_slot", first, "decisive verdicts for the answer shown first"),
        Check("max_first_slot", _rest(first), "decisive verdicts for the answer shown second"),
        Check("max_ties", measures["ties"], "verdicts that are a tie"),
        Check("max_longer_chosen", measures["longer_chosen"], "labels for the longer answer"),
        Check("max_canaries", canaries["chosen"], of_canaries),
        Check("max_unstable", _rest(measures["stability"]), "repeated calls that say otherwise"),
        Check("max_drift", measures["drift"], "verdicts of the first round that are others now"),
    ]


def _gold_checks(gold: dict[str, Any]) -> list[Check]:
    says = "decided gold pairs that are decided rightly"
    return [Check("min_gold_accuracy", gold["accuracy"], says, "least")]


def _rest(rate: Rate) -> Rate:
    """The rate of the opposite."""
    return {**rate, "value": None if rate["value"] is None else 1 - rate["value"]}


def _reasons(measures: dict[str, Any]) -> str:
    reasons = measures["failures"]["reasons"]
    return ", ".join(f"{reason} {n}" for reason, n in reasons.items())


def _sentence(check: Check, value: float, bound: float) -> str:
    return (
        f"{check.says}: {value:.3f} of {check.rate['n']}, "
        f"at {check.side} {bound:g} (judge.health.bounds.{check.name})"
    )
