"""What a round asks its judge about: its train prompts, each with its candidates, as a stream."""

from collections.abc import Collection, Iterator, Sequence
from heapq import nsmallest
from pathlib import Path
from typing import NamedTuple

from rounds.grouped import grouped
from rounds.ids import digest
from rounds.rows import CANDIDATES, PROMPTS, VERDICTS
from rounds.tables import Row, iter_rows, rows_hash

JUDGED_COLUMNS = ("candidate_id", "prompt_id", "text", "text_hash", "finish_reason")
"""What a judge or its strategy reads of a candidate: never its tokens."""


class JudgeInput(NamedTuple):
    """One prompt and the candidates it is asked about."""

    prompt: Row
    candidates: list[Row]


def answered_prompts(folder: Path) -> list[str]:
    """Ids of the train prompts that have candidates, in the order of prompts.parquet."""
    there = {row["prompt_id"] for row in iter_rows(folder, CANDIDATES, ["train"], ["prompt_id"])}
    prompts = iter_rows(folder, PROMPTS, ["train"], ["prompt_id"])
    return [row["prompt_id"] for row in prompts if row["prompt_id"] in there]


def judge_inputs(folder: Path, ids: Sequence[str]) -> Iterator[JudgeInput]:
    """The train prompts `ids`, which are in the order of prompts.parquet, with their candidates."""
    wanted = set(ids)
    prompts = (row for row in iter_rows(folder, PROMPTS, ["train"]) if row["prompt_id"] in wanted)
    candidates = grouped(folder, CANDIDATES, ids, ["train"], JUDGED_COLUMNS)
    return map(JudgeInput, prompts, candidates)


def inputs_hash(folder: Path) -> str:
    """A hash of what is judged: the train prompts and what is read of their candidates."""
    candidates = iter_rows(folder, CANDIDATES, ["train"], JUDGED_COLUMNS)
    prompts = iter_rows(folder, PROMPTS, ["train"])
    return rows_hash("candidates", candidates, JUDGED_COLUMNS) + rows_hash("prompts", prompts)


PLACED = ("purpose", "candidate_b", "shown_first")


class JudgedPrompt(NamedTuple):
    """A prompt with its candidates and the verdict rows it was labelled by."""

    prompt: Row
    candidates: list[Row]
    verdicts: list[Row]


def judged_prompts(
    folder: Path,
    ids: Sequence[str],
    candidates: Collection[str] | None = None,
    verdicts: Collection[str] | None = None,
) -> Iterator[JudgedPrompt]:
    """The train prompts `ids`, which are in the order of prompts.parquet, of a judged round.

    With `candidates` and `verdicts` only these columns of the two are read.
    """
    wanted = set(ids)
    return map(
        JudgedPrompt,
        (row for row in iter_rows(folder, PROMPTS, ["train"]) if row["prompt_id"] in wanted),
        grouped(folder, CANDIDATES, ids, ["train"], candidates),
        grouped(folder, VERDICTS, ids, ["train"], verdicts),
    )


def sampled_prompts(folder: Path, count: int) -> list[JudgedPrompt]:
    """At most `count` of the prompts with a confirmed-or-not pairwise comparison, by hash."""
    rows = iter_rows(folder, VERDICTS, ["train"], ["prompt_id", *PLACED])
    compared = {row["prompt_id"] for row in rows if is_placed(row)}
    taken = set(nsmallest(count, compared, key=_by_hash))
    prompts = iter_rows(folder, PROMPTS, ["train"], ["prompt_id"])
    ids = [row["prompt_id"] for row in prompts if row["prompt_id"] in taken]
    return sorted(judged_prompts(folder, ids), key=lambda one: _by_hash(one.prompt["prompt_id"]))


def is_placed(row: Row) -> bool:
    """Whether a verdict row is to confirm a pair and its two answers were shown in an order."""
    return bool(row["purpose"] == "confirm" and row["candidate_b"] and row["shown_first"])


def _by_hash(prompt_id: str) -> str:
    return digest("trial", prompt_id)
