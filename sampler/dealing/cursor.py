"""Which prompts come next: a function of the pool, of what was dealt before, and of the seed."""

from typing import NamedTuple

import numpy as np

from rounds.ids import digest
from sampler.dealing.config import PromptsConfig
from sampler.dealing.pool import Pool, times_dealt
from sampler.dealing.shares import shares


class Deal(NamedTuple):
    """What a round takes, and what then remains. Lists go by the sources that are read."""

    keys: list[np.ndarray]
    """Prompts of each source, in the order of dealing."""
    fresh: list[int]
    """Prompts of each source that no round before this one has had."""
    left: list[int]
    """Prompts of each source that no round has had, this one included."""
    used_up: list[str]
    """Sources whose last such prompts are in this round."""
    epoch: int
    """The times that a prompt of this round has been dealt at most, this time included."""
    generated: int
    """How many prompts are to be generated."""


def next_deal(config: PromptsConfig, pool: Pool, dealt: np.ndarray, seed: int) -> Deal:
    """The deal of a round, given the dealt_keys of the rounds before.

    Each source has its share by weight. Prompts that no round has had come first. Those that were
    dealt come again with `at_end: reshuffle` only, the least dealt first and each time in another
    order, and never twice in one round. Nothing is dealt where the sources are used up for good.
    """
    finite = config.finite
    by_times = _by_times_and_source(pool, times_dealt(pool, dealt), len(finite))
    none = [np.empty(0, np.uint64) for _ in finite]
    left = fresh = [len(keys) for keys in by_times.get(0, none)]
    generated = _share_of_generator(config)
    places = config.per_round - generated
    taken: list[list[np.ndarray]] = [[] for _ in finite]
    epoch = 0
    for times in sorted(by_times) if config.at_end == "reshuffle" else [0]:
        available = by_times.get(times, none)
        given = shares(places, [source.weight for source in finite], list(map(len, available)))
        for place, count in enumerate(given):
            taken[place].append(_next_by_hash(available[place], count, seed, times + 1))
        if times == 0:
            left = [had - gone for had, gone in zip(fresh, given, strict=True)]
        if any(given):
            epoch = times + 1
        places -= sum(given)
    if config.at_end == "generate":
        generated += places
    if config.at_end == "stop" and finite and not any(fresh):
        generated = 0
    used_up = [
        source.title
        for source, had, now in zip(finite, fresh, left, strict=True)
        if had and not now
    ]
    keys = [np.concatenate([none[0], *given]) for given in taken]
    return Deal(keys, fresh, left, used_up, epoch, generated)


def _share_of_generator(config: PromptsConfig) -> int:
    """The places of a round that the source that generates has by its weight."""
    if config.generator is None:
        return 0
    plenty = [config.per_round] * len(config.train)
    by_weight = shares(config.per_round, [source.weight for source in config.train], plenty)
    return by_weight[config.train.index(config.generator)]


def _by_times_and_source(
    pool: Pool, times: np.ndarray, sources: int
) -> dict[int, list[np.ndarray]]:
    """Prompts by how often they were dealt, then by source."""
    return {
        count: [pool.keys[(times == count) & (pool.owners == owner)] for owner in range(sources)]
        for count in np.unique(times).tolist()
    }


def _next_by_hash(keys: np.ndarray, count: int, seed: int, epoch: int) -> np.ndarray:
    """The prompts whose turn is first: by hash, another one in each epoch."""
    if not count:
        return keys[:0]
    turns = (int(digest("turn", seed, epoch, int(key)), 16) for key in keys)
    return keys[np.argsort(np.fromiter(turns, np.uint64, len(keys)), kind="stable")[:count]]
