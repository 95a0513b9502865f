"""Judged prompts: as a stream over the round, or a few of them to test the judge on."""

from collections.abc import Collection, Iterator, Sequence
from heapq import nsmallest
from pathlib import Path
from typing import NamedTuple

from rounds.grouped import grouped
from rounds.ids import digest
from rounds.tables import Row, iter_rows

PLACED = ("purpose", "candidate_b", "shown_first")


class Subject(NamedTuple):
    """A prompt with its candidates and the verdict rows it was labelled by."""

    prompt: Row
    candidates: list[Row]
    verdicts: list[Row]


def subjects(
    folder: Path,
    ids: Sequence[str],
    candidates: Collection[str] | None = None,
    verdicts: Collection[str] | None = None,
) -> Iterator[Subject]:
    """The train prompts `ids`, which are in the order of prompts.parquet, of a judged round.

    With `candidates` and `verdicts` only these columns of the two are read.
    """
    wanted = set(ids)
    return map(
        Subject,
        (row for row in iter_rows(folder, "prompts", ["train"]) if row["prompt_id"] in wanted),
        grouped(folder, "candidates", ids, ["train"], candidates),
        grouped(folder, "verdicts", ids, ["train"], verdicts),
    )


def sampled(folder: Path, count: int) -> list[Subject]:
    """At most `count` of the prompts with a confirmed-or-not pairwise comparison, by hash."""
    rows = iter_rows(folder, "verdicts", ["train"], ["prompt_id", *PLACED])
    compared = {row["prompt_id"] for row in rows if is_placed(row)}
    taken = set(nsmallest(count, compared, key=_by_hash))
    prompts = iter_rows(folder, "prompts", ["train"], ["prompt_id"])
    ids = [row["prompt_id"] for row in prompts if row["prompt_id"] in taken]
    return sorted(subjects(folder, ids), key=lambda one: _by_hash(one.prompt["prompt_id"]))


def is_placed(row: Row) -> bool:
    """Whether a verdict row is to confirm a pair and its two answers were shown in an order."""
    return bool(row["purpose"] == "confirm" and row["candidate_b"] and row["shown_first"])


def _by_hash(prompt_id: str) -> str:
    return digest("trial", prompt_id)
