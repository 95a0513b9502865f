"""What `derive` returns: data that JSON can hold."""

from typing import Any, TypedDict

from flows.whatif.sides import Side


class Changed(TypedDict):
    """A setting that differs from the round's."""

    key: str
    before: Any
    after: Any


class Needed(TypedDict):
    """Settings that cannot be tried on what is stored, and what a run with all of them would take.

    `answers` are new candidates, `calls_at_least` judge calls that it cannot do without (0 where
    its answers are not known yet), `calls_at_most` those that `prefloop plan` counts, with
    `calls` of it by what for; the gate's are not among them.
    """

    settings: list[Changed]
    answers: int
    calls_at_least: int
    calls_at_most: int
    calls: dict[str, int]


class Moved(TypedDict):
    """A pair that is kept on one side alone; `before` and `after`: kept, or the reason why not."""

    pair_id: str
    prompt_id: str
    before: str
    after: str


class Unknown(TypedDict):
    """Prompts of which the judge would be asked more than is stored, the calls that it would take,
    and the round's pairs that may stay or go by them."""

    prompts: int
    calls_at_least: int
    calls_at_most: int
    pairs: list[str]


class WhatIf(TypedDict):
    """A round by other settings.

    `settings` are those that were tried; `needed` those that were not, or None; `no_pair` those
    that no pair depends on. `round` is what the round's own settings give and `after` the same by
    these; None where nothing could be tried. `gold_difference` and `people_difference` are paired
    differences of the two accuracies, with `interval` the name of their interval. `notes` are
    sentences to be shown.
    """

    run: str
    round: int
    settings: list[Changed]
    needed: Needed | None
    no_pair: list[Changed]
    before: Side
    after: Side | None
    gained: list[Moved]
    lost: list[Moved]
    unknown: Unknown | None
    gold_difference: dict[str, Any] | None
    people_difference: dict[str, Any] | None
    interval: str
    notes: list[str]
