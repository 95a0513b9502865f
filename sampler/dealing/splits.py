"""The gate and test prompts, and the train prompts that they rule out."""

from pathlib import Path
from typing import NamedTuple

from rounds.errors import UserError
from rounds.ids import digest
from rounds.rows import HELD_OUT, PROMPTS, Prompt
from rounds.tables import read_rows
from sampler.dealing.config import PromptsConfig
from sampler.dealing.pool import (
    KeyedSources,
    Pool,
    near_question_keys,
    question_key,
    read_pool,
    rows_by_key,
)
from sampler.dealing.sources.config import SourceConfig

BY_PRECEDENCE = ("test", "gate")
"""A prompt of both, whatever its system turns, belongs to test."""


class PromptSupply(NamedTuple):
    """The prompts of a config: those to train on, the held-out rows, and what was left out."""

    pool: Pool
    held_out: list[Prompt]
    held_out_again: int
    """Train prompts left out because they are those of the gate or test source."""
    near_held_out: int
    """Train prompts left out because they come near to a gate or test prompt."""


def train_sources(config: PromptsConfig) -> KeyedSources:
    """The train sources that are read, each with its config key."""
    if len(config.train) == 1:
        return [("prompts.train", source) for source in config.finite]
    keys = [(f"prompts.train.{place}", source) for place, source in enumerate(config.train)]
    return [(key, source) for key, source in keys if source.generate is None]


def read_sources(config: PromptsConfig) -> KeyedSources:
    """Every source that is read, each with its config key."""
    held_out = [(f"prompts.{split}", getattr(config, split)) for split in HELD_OUT]
    given = [(key, source) for key, source in held_out if isinstance(source, SourceConfig)]
    return [*train_sources(config), *given]


def held_out_of_run(earlier: list[Path]) -> list[Prompt] | None:
    """The held-out rows of a run: those of its first round; None where no round is finished."""
    return read_rows(earlier[0], PROMPTS, HELD_OUT) if earlier else None


def not_taken(config: PromptsConfig, fixed: list[Prompt], given: list[Prompt]) -> list[str]:
    """The held-out splits of which the config names other prompts (`given`) than its run has
    (`fixed`), which it keeps.
    """
    return [
        split
        for split in HELD_OUT
        if isinstance(getattr(config, split), SourceConfig)
        and _ids(fixed, split) != _ids(given, split)
    ]


def _ids(rows: list[Prompt], split: str) -> set[str]:
    return {row["prompt_id"] for row in rows if row["split"] == split}


def read_supply(
    config: PromptsConfig, fixed: list[Prompt] | None = None, near: bool = True
) -> PromptSupply:
    """Read every source and set the held-out prompts apart.

    `fixed` are the held-out rows of a run that has some; the config then adds none. Without `near`
    prompts that only come near to a held-out one stay in. Raises UserError for a source that is
    wrong, and where nothing is left to train on.
    """
    sources = train_sources(config)
    whole = read_pool(sources)
    held_out, merged = (fixed, 0) if fixed is not None else hold_out(config, sources, whole)
    keys = {
        split: {question_key(row["messages"]) for row in held_out if row["split"] == split}
        for split in BY_PRECEDENCE
    }
    pool = whole.without(keys["test"] | keys["gate"])
    given = [
        keys[split] for split in BY_PRECEDENCE if isinstance(getattr(config, split), SourceConfig)
    ]
    again = len(whole.keys) - len(whole.without(set().union(*given)).keys)
    close = near_question_keys(sources, held_out, config.near_held_out) if near else set()
    left = pool.without(close)
    if sources and not len(left.keys):
        fault = "every prompt is a gate or test prompt"
        if len(pool.keys):
            fault += (
                f" or comes near to one: {len(pool.keys)} hold {config.near_held_out:g} or more of "
                "one. Few prompts of one long pattern, such as a template's, need "
                "prompts.near_held_out: 1"
            )
        raise UserError(f"prompts.train: {fault}; nothing to train on")
    return PromptSupply(
        left._replace(merged=whole.merged + merged),
        held_out,
        again,
        len(pool.keys) - len(left.keys),
    )


def hold_out(config: PromptsConfig, sources: KeyedSources, pool: Pool) -> tuple[list[Prompt], int]:
    """The gate and test rows of a run's first round, and how many rows repeated another.

    A number takes so many of the train prompts by hash: lines may be reordered, and an added line
    moves at most one.
    """
    rows: list[Prompt] = []
    merged = 0
    taken: set[int] = set()
    for split in BY_PRECEDENCE:
        wanted = getattr(config, split)
        if isinstance(wanted, SourceConfig):
            keyed: KeyedSources = [(f"prompts.{split}", wanted)]
            own = read_pool(keyed)
            merged += own.merged
            keys = own.without(taken).keys.tolist()
        else:
            keyed = sources
            free = pool.without(taken).keys.tolist()
            if wanted and wanted >= len(free):
                whole, before = len(pool.keys), len(pool.keys) - len(free)
                also = f", of which {before} are held out already" if before else ""
                raise UserError(
                    f"prompts.{split}: {wanted} to hold out of the {whole} different prompts of "
                    f"prompts.train{also}: that leaves none to train on; hold out fewer, or give "
                    f"prompts.{split} a file of its own"
                )
            keys = sorted(free, key=lambda key: digest("held out", split, key))[:wanted]
        by_key = rows_by_key(keyed, keys)
        taken |= {question_key(row["messages"]) for row in by_key.values()}
        rows += [{**by_key[key], "split": split} for key in keys]
    return sorted(rows, key=lambda row: (row["split"] != "gate", row["prompt_id"])), merged
