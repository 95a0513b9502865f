"""The parts of a round's pairs that may be to blame, and who is trained on which of them. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from rounds.errors import UserError
from rounds.ids import digest

HELD_OUT = 0.4
"""Share of the round's own pairs that no training sees; the round's own held-out share is in it."""
LEAST_PAIRS = 40
"""Pairs of its own that a round needs: fewer, in halves, show nothing."""
LEAST_TRAINED = LEAST_HELD_OUT = 8
"""Pairs that a part and its rest need to be trained on, and that its rest needs held out."""
CONTROLS = 4
"""Trainings on a random half of all pairs: two halvings. They say what chance does."""


class Traits(NamedTuple):
    """What a pair can be told apart by. `values` are those of tag, source, reason and purpose,
    `numbers` those of margin and length difference; `own` says that the round made it.
    """

    pair_id: str
    prompt_id: str
    own: bool
    values: dict[str, frozenset[str]]
    numbers: dict[str, float | None]


class Part(NamedTuple):
    """Pairs that have something in common: of `by` (tag, margin, ...) the value `name`."""

    by: str
    name: str
    pairs: frozenset[str]


class Split(NamedTuple):
    """Pairs that may be trained on, and pairs that none is trained on, by pair_id."""

    train: list[Traits]
    held_out: list[Traits]


def parts_of(pairs: Sequence[Traits]) -> list[Part]:
    """All parts: each value of tag, source, reason and purpose, and the two sides of the median of
    each number. A part of all pairs is none; of two with the same pairs the first is taken.
    """
    found: list[Part] = []
    for by in dict.fromkeys(by for pair in pairs for by in pair.values):
        having = defaultdict(set)
        for pair in pairs:
            for value in pair.values.get(by, ()):
                having[value].add(pair.pair_id)
        found += [Part(by, name, frozenset(having[name])) for name in sorted(having)]
    for by in dict.fromkeys(by for pair in pairs for by in pair.numbers):
        given = ((pair.pair_id, pair.numbers.get(by)) for pair in pairs)
        known = {name: number for name, number in given if number is not None}
        if not known:
            continue
        middle = median(known.values())
        low = frozenset(name for name, number in known.items() if number < middle)
        found.append(Part(by, f"below {middle:.4g}", low))
        found.append(Part(by, f"{middle:.4g} and more", frozenset(known) - low))
    every = {pair.pair_id for pair in pairs}
    distinct: dict[frozenset[str], Part] = {}
    for part in found:
        if part.pairs and part.pairs != every:
            distinct.setdefault(part.pairs, part)
    return list(distinct.values())


def split_pairs(pairs: Sequence[Traits], held_out: Iterable[str], seed: int) -> Split:
    """What is trained on and what is held out, by prompts: those of the pairs that the round had
    `held_out` (pair_ids) first, then others by chance, until HELD_OUT of the round's own pairs are.

    Raises UserError where a round has too few pairs.
    """
    own = [pair for pair in pairs if pair.own]
    if len(own) < LEAST_PAIRS:
        raise UserError(
            f"the round made {len(own)} pairs; blame trains on halves of them and needs "
            f"{LEAST_PAIRS} at least"
        )
    first = set(held_out)
    order = sorted(
        own, key=lambda pair: (pair.pair_id not in first, digest("blame", seed, pair.prompt_id))
    )
    aside = {pair.prompt_id for pair in order[: int(len(own) * HELD_OUT)]}
    return Split(
        [pair for pair in pairs if pair.prompt_id not in aside],
        [pair for pair in own if pair.prompt_id in aside],
    )


def with_enough(parts: Iterable[Part], split: Split) -> list[Part]:
    """The parts of which something can be said: both the part and its rest have pairs to train on,
    and the rest has held-out ones. Raises UserError where there is none.
    """
    names = {pair.pair_id for pair in split.train}
    aside = {pair.pair_id for pair in split.held_out}
    found = [
        part
        for part in parts
        if len(part.pairs & names) >= LEAST_TRAINED
        and len(names - part.pairs) >= LEAST_TRAINED
        and len(aside - part.pairs) >= LEAST_HELD_OUT
    ]
    if not found:
        raise UserError(
            "no part of the pairs can be looked at: by no tag, source, reason, margin or length do "
            f"two parts have {LEAST_TRAINED} pairs to train on and {LEAST_HELD_OUT} held out"
        )
    return found


def drawn(names: Iterable[str], most: int, seed: int) -> list[str]:
    """At most so many of these pairs, by chance; the same ones in whatever order they come."""
    return sorted(names, key=lambda name: digest("drawn", seed, name))[:most]


def halves(split: Split, seed: int) -> list[list[str]]:
    """CONTROLS random halves of all pairs to train on, two of each halving."""
    names = [pair.pair_id for pair in split.train]
    found = []
    for number in range(CONTROLS // 2):
        order = drawn(names, len(names), _seed_of(seed, number))
        half = len(order) // 2
        found += [order[:half], order[half : 2 * half]]
    return found


def _seed_of(seed: int, number: int) -> int:
    """A seed of its own for each halving."""
    return int(digest("halving", seed, number), 16)
