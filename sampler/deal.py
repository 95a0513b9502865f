"""Dealing prompts: each round takes the next ones, held-out ones are fixed by the first round."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from rounds.errors import UserError
from rounds.folder import finished_rounds, round_number, run_of
from rounds.ids import digest
from rounds.stages import run_stage, stage_key
from rounds.tables import Row, read_rows, replace_splits
from sampler.prompt_config import PromptsConfig
from sampler.prompt_files import read_prompts


class Source(NamedTuple):
    """All prompts of a config, disjoint, and what reading them met."""

    train: list[Row]
    gate: list[Row]
    test: list[Row]
    merged: int
    """Lines that repeated an earlier prompt."""
    held_out_again: int
    """Train prompts left out because they are gate or test prompts."""


def read_source(config: PromptsConfig) -> Source:
    """Read the three splits. A prompt of two splits belongs to test, then gate, then train."""
    train, merged = read_prompts(config.train, "prompts.train")
    held: dict[str, list[Row]] = {}
    taken: set[str] = set()
    overlaps = 0
    for split in ("test", "gate"):
        wanted = getattr(config, split)
        if isinstance(wanted, str):
            rows, repeated = read_prompts(wanted, f"prompts.{split}")
            merged += repeated
        else:
            rows = _hold_out(train, split, wanted, taken)
        held[split] = [row for row in rows if row["prompt_id"] not in taken]
        taken |= {row["prompt_id"] for row in held[split]}
        if isinstance(wanted, str):
            overlaps += sum(row["prompt_id"] in taken for row in train)
        train = [row for row in train if row["prompt_id"] not in taken]
    if not train:
        raise UserError("prompts.train: every prompt is a gate or test prompt; nothing to train on")
    return Source(train, held["gate"], held["test"], merged, overlaps)


def deal(folder: Path, config: PromptsConfig) -> dict[str, Any]:
    """Write prompts.parquet of a round: the next `per_round` train prompts, all held-out ones.

    Raises UserError when the source is exhausted.
    """
    source = read_source(config)
    earlier = [done for done in finished_rounds(run_of(folder)) if done != folder]
    used = {row["prompt_id"] for done in earlier for row in read_rows(done, "prompts", ["train"])}
    held_out = _labelled(source.gate, "gate") + _labelled(source.test, "test")
    if earlier:  # fixed by the first round, whatever the files say by now
        held_out = read_rows(earlier[0], "prompts", ["gate", "test"])
    never = used | {row["prompt_id"] for row in held_out}
    fresh = [row for row in source.train if row["prompt_id"] not in never]
    if not fresh:
        raise UserError(
            f"prompts.train: all {len(source.train)} prompts are used up after "
            f"{len(earlier)} rounds; add prompts to {config.train}"
        )
    rows = _labelled(fresh[: config.per_round], "train") + held_out
    key = stage_key(round_number(folder), [[row["prompt_id"], row["split"]] for row in rows])

    def run() -> dict[str, Any]:
        replace_splits(folder, "prompts", ["train", "gate", "test"], rows)
        return {
            "train": min(len(fresh), config.per_round),
            "left": max(0, len(fresh) - config.per_round),
            "merged": source.merged,
            "held_out_again": source.held_out_again,
        }

    return run_stage(folder, "prompts", key, run)


def _hold_out(train: list[Row], split: str, count: int, taken: set[str]) -> list[Row]:
    """`count` prompts by hash: lines may be reordered, and an added line moves at most one."""
    free = [row for row in train if row["prompt_id"] not in taken]
    if count >= len(free):
        raise UserError(
            f"prompts.{split}: {count} held out of {len(free)} prompts leaves none to train on"
        )
    return sorted(free, key=lambda row: digest(split, row["prompt_id"]))[:count]


def _labelled(rows: Iterable[Row], split: str) -> list[Row]:
    return [{**row, "split": split} for row in rows]
