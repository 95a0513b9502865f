"""The gate and test prompts, and the train prompts that they rule out."""

from pathlib import Path
from typing import NamedTuple

from rounds.errors import UserError
from rounds.ids import digest
from rounds.rows import PROMPTS
from rounds.tables import Row, read_rows
from sampler.dealing.config import PromptsConfig
from sampler.dealing.pool import Named, Pool, fetch, near_ones, read_pool, said_key
from sampler.dealing.sources.config import SourceConfig

SPLITS = ("test", "gate")
"""A prompt of both, whatever its system turns, belongs to test."""


class Stock(NamedTuple):
    """The prompts of a config: those to train on, the held-out rows, and what was left out."""

    pool: Pool
    held_out: list[Row]
    held_out_again: int
    """Train prompts left out because they are those of the gate or test source."""
    near_held_out: int
    """Train prompts left out because they come near to a gate or test prompt."""


def train_sources(config: PromptsConfig) -> Named:
    """The train sources that are read, each with its config key."""
    if len(config.train) == 1:
        return [("prompts.train", source) for source in config.finite]
    keys = [(f"prompts.train.{place}", source) for place, source in enumerate(config.train)]
    return [(key, source) for key, source in keys if source.generate is None]


def fixed_held_out(earlier: list[Path]) -> list[Row] | None:
    """The held-out rows of a run: those of its first round; None where no round is finished."""
    return read_rows(earlier[0], PROMPTS, ["gate", "test"]) if earlier else None


def take_stock(config: PromptsConfig, fixed: list[Row] | None = None, near: bool = True) -> Stock:
    """Read every source and set the held-out prompts apart.

    `fixed` are the held-out rows of a run that has some; the config then adds none. Without `near`
    prompts that only come near to a held-out one stay in. Raises UserError for a source that is
    wrong, and where nothing is left to train on.
    """
    sources = train_sources(config)
    whole = read_pool(sources)
    held_out, merged = (fixed, 0) if fixed is not None else hold_out(config, sources, whole)
    own = {
        split: {said_key(row["messages"]) for row in held_out if row["split"] == split}
        for split in SPLITS
    }
    pool = whole.without(own["test"] | own["gate"])
    given = [own[split] for split in SPLITS if isinstance(getattr(config, split), SourceConfig)]
    again = len(whole.keys) - len(whole.without(set().union(*given)).keys)
    close = near_ones(sources, held_out, config.near_held_out) if near else set()
    left = pool.without(close)
    if sources and not len(left.keys):
        which = "every prompt is a gate or test prompt"
        if len(pool.keys):
            which += (
                f" or comes near to one: {len(pool.keys)} have {config.near_held_out:g} or more of "
                "their word 3-grams in common with one. Prompts of one pattern, such as a "
                "template's, need prompts.near_held_out: 1"
            )
        raise UserError(f"prompts.train: {which}; nothing to train on")
    return Stock(
        left._replace(merged=whole.merged + merged),
        held_out,
        again,
        len(pool.keys) - len(left.keys),
    )


def hold_out(config: PromptsConfig, sources: Named, pool: Pool) -> tuple[list[Row], int]:
    """The gate and test rows of a run's first round, and how many rows repeated another.

    A number takes so many of the train prompts by hash: lines may be reordered, and an added line
    moves at most one.
    """
    rows: list[Row] = []
    merged = 0
    taken: set[int] = set()
    for split in SPLITS:
        wanted = getattr(config, split)
        if isinstance(wanted, SourceConfig):
            named = [(f"prompts.{split}", wanted)]
            own = read_pool(named)
            merged += own.merged
            keys = own.without(taken).keys.tolist()
        else:
            named = list(sources)
            free = pool.without(taken).keys.tolist()
            if wanted and wanted >= len(free):
                raise UserError(
                    f"prompts.{split}: {wanted} held out of {len(free)} prompts leaves none to "
                    "train on"
                )
            keys = sorted(free, key=lambda key: digest("held out", split, key))[:wanted]
        found = fetch(named, keys)
        taken |= {said_key(row["messages"]) for row in found.values()}
        rows += [{**found[key], "split": split} for key in keys]
    return sorted(rows, key=lambda row: (row["split"] != "gate", row["prompt_id"])), merged
