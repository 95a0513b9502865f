"""Chunks become the table: rows in the order of the prompts, counted; and prompts set aside."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rounds.places import Places
from rounds.rows import HELD_OUT, PROMPTS, Candidate, Prompt
from rounds.tables import iter_rows, write_rows
from sampler.chunks import ChunkReader
from sampler.requests import PromptRequests
from sampler.shortfall import aside_of


def merged(requests: PromptRequests, chunks: ChunkReader) -> Iterator[Candidate]:
    """The candidates in the order of the prompts, those of a prompt in that of the writers. A
    prompt that nobody answered has none: its reference alone is nothing to compare.
    """
    for request in requests():
        if request.prompt_id in chunks:
            rows = [*request.existing, *chunks.candidates(request.prompt_id)]
            yield from sorted(rows, key=lambda row: row["index"])


def counted(rows: Iterator[Candidate], counts: Counter[str]) -> Iterator[Candidate]:
    """The rows, counted as they pass: all, tokens, train prompts, and train rows by source."""
    counts.update(candidates=0, tokens=0)
    prompt = None
    for row in rows:
        counts.update(candidates=1, tokens=row["n_tokens"] or 0)
        if row["split"] not in HELD_OUT:
            counts[f"source {row['source']}"] += 1
            counts["train prompts"] += row["prompt_id"] != prompt
            prompt = row["prompt_id"]
        yield row


def set_aside(folder: Path, requests: PromptRequests, chunks: ChunkReader) -> dict[str, Any]:
    """Write down which of the requested prompts were not answered, and why; how many there are, and
    some of them.
    """
    reasons: dict[str, str] = {}

    def ids() -> Iterator[str]:
        for request in requests():
            name = request.prompt_id
            if name not in chunks:
                reasons[name] = chunks.reasons.get(name, "no answer")
            yield name

    requested = Places(ids())

    def rows_now() -> Iterator[Prompt]:
        for row in iter_rows(folder, PROMPTS):
            name = row["prompt_id"]
            aside = reasons.get(name) if name in requested else row["set_aside"]
            yield {**row, "set_aside": aside}

    before = (row["set_aside"] for row in iter_rows(folder, PROMPTS))
    if any(row["set_aside"] != was for row, was in zip(rows_now(), before, strict=True)):
        write_rows(folder, PROMPTS, rows_now())
    return aside_of(folder, requested)
