"""What sampling leaves on disk while it works: rows of finished prompts, some hundred to a file.

A chunk says itself which prompts it holds, so that neither its size nor the number of processes
has to be the same after a kill. Beside it, where needed, lies which prompts were set aside and why,
and which candidates are missing.
"""

import time
from array import array
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import groupby
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rounds.files import read_json, write_json
from rounds.places import Places
from rounds.rows import CANDIDATES, Candidate
from rounds.tables import iter_batches, write_parquet
from sampler.answers import AnsweredPrompt

_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")

LONGEST = 10.0
"""Seconds after which a finished prompt is not kept waiting for a whole chunk: a judge may be asked
about it."""


class ChunkWriter:
    """Writes whole chunks as prompts are finished, smaller ones where that takes longer than
    LONGEST, and the last one at the end.

    `numbers` name its files and no other's; `sources` are the writers whose candidates they hold.
    """

    def __init__(self, work: Path, numbers: Iterator[int], size: int, sources: list[str]) -> None:
        self._work, self._numbers, self._size, self._sources = work, numbers, size, sources
        self._waiting: list[AnsweredPrompt] = []
        self._since = 0.0

    def add(self, answered: AnsweredPrompt) -> None:
        """Take a finished prompt."""
        self._since = self._since if self._waiting else time.monotonic()
        self._waiting.append(answered)
        if len(self._waiting) >= self._size or time.monotonic() - self._since >= LONGEST:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting."""
        number = f"{next(self._numbers):05d}"
        reasons = {
            answered.prompt_id: answered.failures[-1][1] if answered.failures else None
            for answered in self._waiting
            if not answered.candidates
        }
        rows = [row for answered in self._waiting for row in answered.candidates]
        missing = Counter(
            failure
            for answered in self._waiting
            if answered.candidates
            for failure in answered.failures
        )
        if reasons or missing:
            counts = [[*failure, n] for failure, n in missing.items()]
            facts = {"sources": self._sources, "reasons": reasons, "missing": counts}
            write_json(self._work / f"aside-{number}.json", facts)
        if rows:
            write_parquet(self._work / f"chunk-{number}.parquet", CANDIDATES, rows)
        self._waiting = []


class ChunkReader:
    """The candidates of all chunks of some folders by prompt.

    A chunk is in memory from the first of its prompts that is read to the last. Where chunks are
    nearly in the order in which prompts are read, as sampling writes them, those are few. Beside
    these it holds 20 bytes a prompt.
    `reasons` says by prompt_id why one was set aside, `missing` counts the candidates that answered
    prompts do not have, by writer and reason.
    """

    def __init__(self, *folders: Path) -> None:
        self._paths: list[Path] = []
        self._spans_in: Counter[Path] = Counter()
        self._spans_read: Counter[Path] = Counter()
        self._in_memory: dict[Path, pa.Table] = {}
        self.reasons: dict[str, str] = {}
        self.missing: Counter[tuple[str, str]] = Counter()
        for path in (path for work in folders for path in sorted(work.glob("aside-*.json"))):
            self.read_aside(path)
        # of each stretch of a prompt's rows: whose, in which file, from which row on, how many
        spans = tuple(array(kind) for kind in "qiii")
        for path in (path for work in folders for path in sorted(work.glob("chunk-*.parquet"))):
            for name, *span in self._stretches(path):
                for column, value in zip(spans, (hash(name), *span), strict=True):
                    column.append(value)
        ids = np.array(spans[0])
        order = np.argsort(ids, kind="stable")
        self._ids, self._spans = ids[order], np.array(spans[1:], np.int32)[:, order]
        self._added: dict[str, list[list[int]]] = {}

    def read_aside(self, path: Path) -> list[str]:
        """Take in what was set aside and what is missing; the prompts that are set aside there."""
        facts = read_json(path)
        for prompt_id, reason in facts["reasons"].items():
            self.reasons.setdefault(prompt_id, reason or "no answer")
        for writer, reason, n in facts.get("missing", []):
            self.missing[writer, reason] += n
        return list(facts["reasons"])

    def read_chunk(self, path: Path) -> list[str]:
        """Take in a chunk that has come since; the prompts of its candidates."""
        found = []
        for name, *span in self._stretches(path):
            self._added.setdefault(name, []).append(span)
            found.append(name)
        return found

    def forget(self, prompt_id: str) -> None:
        """A prompt of chunks that have come since is not read again."""
        self._added.pop(prompt_id, None)

    def _stretches(self, path: Path) -> Iterator[tuple[str, int, int, int]]:
        """(prompt_id, file, first row, rows) of each stretch of a prompt's rows in a chunk."""
        names = pq.read_table(path, columns=["prompt_id"])["prompt_id"].to_pylist()
        self._paths.append(path)
        for name, rows in groupby(range(len(names)), names.__getitem__):
            start, *others = rows
            self._spans_in[path] += 1
            yield name, len(self._paths) - 1, start, 1 + len(others)

    def __contains__(self, prompt_id: str) -> bool:
        return len(self._spans_of(prompt_id)) > 0

    def candidates(self, prompt_id: str) -> list[Candidate]:
        """The sampled candidates of a prompt."""
        rows: list[Candidate] = []
        for file, start, count in self._spans_of(prompt_id):
            path = self._paths[file]
            if path not in self._in_memory:
                # columns that are younger than the chunk are null
                self._in_memory[path] = pa.Table.from_batches(iter_batches(path, CANDIDATES))
            rows += self._in_memory[path].slice(start, count).to_pylist()
            self._spans_read[path] += 1
            if self._spans_read[path] == self._spans_in[path]:
                del self._in_memory[path], self._spans_read[path]
        return rows

    def _spans_of(self, prompt_id: str) -> list[list[int]]:
        """(file, first row, rows) of each stretch of a prompt's rows."""
        first, end = (np.searchsorted(self._ids, hash(prompt_id), side) for side in _SIDES)
        return [*self._spans[:, first:end].T.tolist(), *self._added.get(prompt_id, [])]


def next_chunk_number(work: Path) -> int:
    """The first number that no file of the folder bears."""
    files = [*work.glob("chunk-*.parquet"), *work.glob("aside-*.json")]
    return max((int(path.stem.partition("-")[2]) for path in files), default=-1) + 1


def finished_prompts(work: Path, sources: Collection[str]) -> Places:
    """The prompts that these writers have answered, or set aside."""

    def finished() -> Iterator[str]:
        for path in work.glob("chunk-*.parquet"):
            table = pq.read_table(path, columns=["prompt_id", "source"])
            by_them = pc.is_in(table["source"], pa.array(sorted(sources)))
            yield from dict.fromkeys(table["prompt_id"].filter(by_them).to_pylist())
        for path in work.glob("aside-*.json"):
            facts = read_json(path)
            if set(facts["sources"]) & set(sources):
                yield from facts["reasons"]

    return Places(finished())
