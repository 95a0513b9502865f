"""Chunks become the table: rows in the order of the prompts, counted; and prompts set aside."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rounds.rows import PROMPTS
from rounds.tables import Row, iter_rows, write_rows
from sampler.chunks import Spooled
from sampler.requests import HELD_OUT, PromptRequests


def merged(asked: PromptRequests, spooled: Spooled) -> Iterator[Row]:
    """The candidates in the order of the prompts, those of a prompt in that of the sources. A
    prompt that nobody answered has none: its reference alone is nothing to compare.
    """
    for one in asked():
        if one.prompt_id in spooled:
            rows = [*one.known, *spooled.rows(one.prompt_id)]
            yield from sorted(rows, key=lambda row: row["index"])


def counted(rows: Iterator[Row], counts: Counter[str]) -> Iterator[Row]:
    """The rows, counted as they pass: in all, their tokens, and train rows by source."""
    counts.update(candidates=0, tokens=0)
    for row in rows:
        counts.update(candidates=1, tokens=row["n_tokens"] or 0)
        if row["split"] not in HELD_OUT:
            counts[f"source {row['source']}"] += 1
        yield row


def set_aside(folder: Path, asked: PromptRequests, spooled: Spooled) -> int:
    """Write down which of the prompts asked were not sampled, and why; how many there are."""
    said = {
        one.prompt_id: None
        if one.prompt_id in spooled
        else spooled.reasons.get(one.prompt_id, "no answer")
        for one in asked()
    }

    def now() -> Iterator[Row]:
        for row in iter_rows(folder, PROMPTS):
            yield {**row, "set_aside": said.get(row["prompt_id"], row["set_aside"])}

    before = (row["set_aside"] for row in iter_rows(folder, PROMPTS))
    if any(row["set_aside"] != was for row, was in zip(now(), before, strict=True)):
        write_rows(folder, PROMPTS, now())
    return sum(why is not None for why in said.values())
