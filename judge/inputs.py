"""What is judged in a round: its train prompts with their candidates, as a stream.

After the judge stage the same prompts are read with the verdicts on them.
"""

from collections.abc import Collection, Container, Iterator, Sequence
from heapq import nsmallest
from pathlib import Path
from typing import NamedTuple

from rounds.grouped import grouped
from rounds.ids import digest
from rounds.places import Places
from rounds.rows import CANDIDATES, PROMPTS, VERDICTS, Candidate, Prompt, Verdict
from rounds.tables import iter_rows, rows_hash

JUDGED_COLUMNS = ("candidate_id", "prompt_id", "text", "text_hash", "finish_reason")
"""What a judge reads of a candidate: never its tokens."""

SELECTED_COLUMNS = (*JUDGED_COLUMNS, "source")
"""What its strategy reads; a candidate's id says the source as well."""

ORDER_COLUMNS = ("purpose", "candidate_b", "shown_first")
"""What tells a comparison that was shown in an order (`is_ordered_comparison`)."""


class JudgeInput(NamedTuple):
    """A prompt and the candidates that it is judged on."""

    prompt: Prompt
    candidates: list[Candidate]


class JudgedPrompt(NamedTuple):
    """A prompt with its candidates and the verdict rows that it was labelled by."""

    prompt: Prompt
    candidates: list[Candidate]
    verdicts: list[Verdict]


def answered_prompt_ids(folder: Path) -> list[str]:
    """Ids of the train prompts that have candidates, in the order of prompts.parquet."""
    candidates = iter_rows(folder, CANDIDATES, ["train"], ["prompt_id"])
    return _in_order(folder, Places(row["prompt_id"] for row in candidates))


def judge_inputs(folder: Path, ids: Sequence[str]) -> Iterator[JudgeInput]:
    """The train prompts `ids`, which are in the order of prompts.parquet, with their candidates."""
    candidates = grouped(folder, CANDIDATES, ids, ["train"], SELECTED_COLUMNS)
    return map(JudgeInput, _prompts(folder, ids), candidates)


def inputs_hash(folder: Path) -> str:
    """A hash of what is judged: the train prompts and what is read of their candidates."""
    candidates = iter_rows(folder, CANDIDATES, ["train"], JUDGED_COLUMNS)
    prompts = iter_rows(folder, PROMPTS, ["train"])
    return rows_hash(CANDIDATES, candidates, JUDGED_COLUMNS) + rows_hash(PROMPTS, prompts)


def judged_prompts(
    folder: Path,
    ids: Sequence[str],
    candidates: Collection[str] | None = None,
    verdicts: Collection[str] | None = None,
) -> Iterator[JudgedPrompt]:
    """The train prompts `ids`, which are in the order of prompts.parquet, of a judged round.

    With `candidates` and `verdicts` only these columns of the two are read.
    """
    return map(
        JudgedPrompt,
        _prompts(folder, ids),
        grouped(folder, CANDIDATES, ids, ["train"], candidates),
        grouped(folder, VERDICTS, ids, ["train"], verdicts),
    )


def sample_judged_prompts(folder: Path, count: int) -> list[JudgedPrompt]:
    """At most `count` of the prompts with a confirmed-or-not pairwise comparison, by hash."""
    rows = iter_rows(folder, VERDICTS, ["train"], ["prompt_id", *ORDER_COLUMNS])
    compared = {row["prompt_id"] for row in rows if is_ordered_comparison(row)}
    ids = _in_order(folder, set(nsmallest(count, compared, key=_by_hash)))
    sample = judged_prompts(folder, ids)
    return sorted(sample, key=lambda judged: _by_hash(judged.prompt["prompt_id"]))


def is_ordered_comparison(row: Verdict) -> bool:
    """Whether a verdict row is to confirm a pair and its two answers were shown in an order."""
    return bool(row["purpose"] == "confirm" and row["candidate_b"] and row["shown_first"])


def _prompts(folder: Path, ids: Sequence[str]) -> Iterator[Prompt]:
    wanted = iter(ids)
    name = next(wanted, None)
    for row in iter_rows(folder, PROMPTS, ["train"]):
        if row["prompt_id"] == name:
            yield row
            name = next(wanted, None)


def _in_order(folder: Path, ids: Container[str]) -> list[str]:
    """The ids of train prompts in the order of prompts.parquet."""
    prompts = iter_rows(folder, PROMPTS, ["train"], ["prompt_id"])
    return [row["prompt_id"] for row in prompts if row["prompt_id"] in ids]


def _by_hash(prompt_id: str) -> str:
    return digest("trial", prompt_id)
