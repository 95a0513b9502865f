"""Win rates of the prompts that carry a tag."""

from collections.abc import Iterable
from typing import Any

from gate.win_rate import win_rate


def by_tag(
    tagged_outcomes: Iterable[tuple[list[str] | None, str]], confidence: float
) -> dict[str, dict[str, Any]]:
    """The win rate of each tag, in the order of the tags, from tags and outcome of each contest.

    A prompt with several tags counts for each. Tags of few prompts have wide intervals, and of
    many tags some look good or bad by chance: these rates are reported and decide nothing.
    """
    outcomes: dict[str, list[str]] = {}
    for tags, outcome in tagged_outcomes:
        for tag in set(tags or ()):
            outcomes.setdefault(tag, []).append(outcome)
    return {tag: win_rate(outcomes[tag], confidence)._asdict() for tag in sorted(outcomes)}
