"""Win rates of the prompts that carry a tag."""

from collections.abc import Callable, Iterable, Mapping
from math import ceil
from typing import Any

from gate.intervals import holm
from gate.win_rate import WinRate
from rounds.rates import binomial_tail


def by_tag(
    tagged_outcomes: Iterable[tuple[list[str] | None, str]],
    rate: Callable[[list[str]], WinRate],
) -> dict[str, dict[str, Any]]:
    """The win rate of each tag, in the order of the tags, from tags and outcome of each contest.

    A prompt with several tags counts for each. Tags of few prompts have wide intervals, and of
    many tags some look good or bad by chance: what decides is `tags_below`.
    """
    outcomes: dict[str, list[str]] = {}
    for tags, outcome in tagged_outcomes:
        for tag in set(tags or ()):
            outcomes.setdefault(tag, []).append(outcome)
    return {tag: rate(outcomes[tag])._asdict() for tag in sorted(outcomes)}


def tags_below(rates: Mapping[str, Mapping[str, Any]], bound: float, error: float) -> list[str]:
    """The tags whose win rate is shown to be less than `bound`, by Holm's correction.

    If none is, one is named with chance `error` at most. The test of each tag is the binomial one:
    the chance of so few wins at that win rate, half a win counted as a whole one in the tag's
    favour. Abstentions are left out.
    """
    decided = {tag: rate for tag, rate in rates.items() if rate["n"]}
    chances = []
    for rate in decided.values():
        won = ceil(rate["wins"] + rate["ties"] / 2)
        chances.append(binomial_tail(rate["n"] - won, rate["n"], 1 - bound))
    rejected = holm(chances, error)
    return [tag for tag, is_below in zip(decided, rejected, strict=True) if is_below]
