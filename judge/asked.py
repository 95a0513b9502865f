"""What a round asks its judge about: its train prompts, each with its candidates, as a stream."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rounds.grouped import grouped
from rounds.tables import Row, iter_rows, rows_hash

READ = ("candidate_id", "prompt_id", "text", "text_hash", "finish_reason")
"""What a judge or its strategy reads of a candidate: never its tokens."""


class Asked(NamedTuple):
    """One prompt and the candidates it is asked about."""

    prompt: Row
    candidates: list[Row]


def answered(folder: Path) -> list[str]:
    """Ids of the train prompts that have candidates, in the order of prompts.parquet."""
    there = {row["prompt_id"] for row in iter_rows(folder, "candidates", ["train"], ["prompt_id"])}
    prompts = iter_rows(folder, "prompts", ["train"], ["prompt_id"])
    return [row["prompt_id"] for row in prompts if row["prompt_id"] in there]


def asked(folder: Path, ids: Sequence[str]) -> Iterator[Asked]:
    """The train prompts `ids`, which are in the order of prompts.parquet, with their candidates."""
    wanted = set(ids)
    prompts = (row for row in iter_rows(folder, "prompts", ["train"]) if row["prompt_id"] in wanted)
    candidates = grouped(folder, "candidates", ids, ["train"], READ)
    return map(Asked, prompts, candidates)


def inputs(folder: Path) -> str:
    """A hash of what is judged: the train prompts and what is read of their candidates."""
    candidates = iter_rows(folder, "candidates", ["train"], READ)
    prompts = iter_rows(folder, "prompts", ["train"])
    return rows_hash("candidates", candidates, READ) + rows_hash("prompts", prompts)
