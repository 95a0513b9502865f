"""What sampling leaves on disk while it works: rows of finished prompts, some hundred to a file.

A chunk says itself which prompts it holds, so that neither its size nor the number of processes
has to be the same after a kill. Beside it, where needed, lies which prompts were set aside and why,
and which candidates are missing.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rounds.files import read_json, write_json
from rounds.rows import CANDIDATES, Candidate
from rounds.tables import iter_batches, write_parquet
from sampler.answers import AnsweredPrompt


class ChunkWriter:
    """Writes whole chunks as prompts are finished, and the last one at the end.

    `numbers` name its files and no other's; `sources` are the writers whose candidates they hold.
    """

    def __init__(self, work: Path, numbers: Iterator[int], size: int, sources: list[str]) -> None:
        self._work, self._numbers, self._size, self._sources = work, numbers, size, sources
        self._waiting: list[AnsweredPrompt] = []

    def add(self, answered: AnsweredPrompt) -> None:
        """Take a finished prompt."""
        self._waiting.append(answered)
        if len(self._waiting) >= self._size:
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
    nearly in the order in which prompts are read, as sampling writes them, those are few.
    `reasons` says by prompt_id why one was set aside, `missing` counts the candidates that answered
    prompts do not have, by writer and reason.
    """

    def __init__(self, *folders: Path) -> None:
        self._spans: dict[str, list[tuple[Path, int, int]]] = {}
        self._spans_in: Counter[Path] = Counter()
        self._spans_read: Counter[Path] = Counter()
        self._in_memory: dict[Path, pa.Table] = {}
        self.reasons: dict[str, str] = {}
        self.missing: Counter[tuple[str, str]] = Counter()
        for path in (path for work in folders for path in sorted(work.glob("aside-*.json"))):
            facts = read_json(path)
            for prompt_id, reason in facts["reasons"].items():
                self.reasons.setdefault(prompt_id, reason or "no answer")
            for writer, reason, n in facts.get("missing", []):
                self.missing[writer, reason] += n
        for path in (path for work in folders for path in sorted(work.glob("chunk-*.parquet"))):
            names = pq.read_table(path, columns=["prompt_id"])["prompt_id"].to_pylist()
            start = 0
            for end in range(1, len(names) + 1):
                if end == len(names) or names[end] != names[start]:
                    self._spans.setdefault(names[start], []).append((path, start, end - start))
                    self._spans_in[path] += 1
                    start = end

    def __contains__(self, prompt_id: str) -> bool:
        return prompt_id in self._spans

    def candidates(self, prompt_id: str) -> list[Candidate]:
        """The sampled candidates of a prompt."""
        rows: list[Candidate] = []
        for path, start, count in self._spans.get(prompt_id, []):
            if path not in self._in_memory:
                # columns that are younger than the chunk are null
                self._in_memory[path] = pa.Table.from_batches(iter_batches(path, CANDIDATES))
            rows += self._in_memory[path].slice(start, count).to_pylist()
            self._spans_read[path] += 1
            if self._spans_read[path] == self._spans_in[path]:
                del self._in_memory[path], self._spans_read[path]
        return rows


def next_chunk_number(work: Path) -> int:
    """The first number that no file of the folder bears."""
    files = [*work.glob("chunk-*.parquet"), *work.glob("aside-*.json")]
    return max((int(path.stem.partition("-")[2]) for path in files), default=-1) + 1


def finished_prompts(work: Path, sources: Collection[str]) -> set[str]:
    """The prompts that these writers have answered, or set aside."""
    finished: set[str] = set()
    for path in work.glob("chunk-*.parquet"):
        table = pq.read_table(path, columns=["prompt_id", "source"])
        by_them = pc.is_in(table["source"], pa.array(sorted(sources)))
        finished |= set(table["prompt_id"].filter(by_them).to_pylist())
    for path in work.glob("aside-*.json"):
        facts = read_json(path)
        if set(facts["sources"]) & set(sources):
            finished |= set(facts["reasons"])
    return finished
