"""What sampling leaves on disk while it works: rows of finished prompts, some hundred to a file.

A chunk says itself which prompts it holds, so that neither its size nor the number of processes
has to be the same after a kill. Beside it, where needed, lies which prompts were set aside and why.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rounds.files import read_json, write_json
from rounds.rows import CANDIDATES
from rounds.tables import Row, write_parquet
from sampler.answers import AnsweredPrompt


class Chunks:
    """A writer of chunks: whole ones as prompts are finished, the last one at the end.

    `numbers` name its files and no other writer's.
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
        aside = {one.prompt_id: one.reason for one in self._waiting if not one.rows}
        rows = [row for one in self._waiting for row in one.rows]
        if aside:
            facts = {"sources": self._sources, "reasons": aside}
            write_json(self._work / f"aside-{number}.json", facts)
        if rows:
            write_parquet(self._work / f"chunk-{number}.parquet", CANDIDATES, rows)
        self._waiting = []


def next_number(work: Path) -> int:
    """The first number that no file of the folder bears."""
    there = [int(path.stem.partition("-")[2]) for path in _files(work)]
    return max(there, default=-1) + 1


def finished_prompts(work: Path, sources: Collection[str]) -> set[str]:
    """The prompts that these sources have answered, or set aside."""
    found: set[str] = set()
    for path in work.glob("chunk-*.parquet"):
        table = pq.read_table(path, columns=["prompt_id", "source"])
        ours = pc.is_in(table["source"], pa.array(sorted(sources)))
        found |= set(table["prompt_id"].filter(ours).to_pylist())
    for path in work.glob("aside-*.json"):
        facts = read_json(path)
        if set(facts["sources"]) & set(sources):
            found |= set(facts["reasons"])
    return found


class Spooled:
    """The rows of all chunks of some folders by prompt.

    A chunk is in memory from the first of its prompts that is asked for to the last. Where chunks
    are nearly in the order in which prompts are asked for, as sampling writes them, those are few.
    """

    def __init__(self, *folders: Path) -> None:
        self._spans: dict[str, list[tuple[Path, int, int]]] = {}
        self._sizes: Counter[Path] = Counter()
        self._read: Counter[Path] = Counter()
        self._held: dict[Path, pa.Table] = {}
        self.reasons: dict[str, str] = {}
        for path in (path for work in folders for path in sorted(work.glob("aside-*.json"))):
            for prompt_id, why in read_json(path)["reasons"].items():
                self.reasons.setdefault(prompt_id, why or "no answer")
        for path in (path for work in folders for path in sorted(work.glob("chunk-*.parquet"))):
            names = pq.read_table(path, columns=["prompt_id"])["prompt_id"].to_pylist()
            start = 0
            for place in range(1, len(names) + 1):
                if place == len(names) or names[place] != names[start]:
                    self._spans.setdefault(names[start], []).append((path, start, place - start))
                    self._sizes[path] += 1
                    start = place

    def __contains__(self, prompt_id: str) -> bool:
        return prompt_id in self._spans

    def rows(self, prompt_id: str) -> list[Row]:
        """The sampled candidates of a prompt."""
        found: list[Row] = []
        for path, start, count in self._spans.get(prompt_id, []):
            if path not in self._held:
                self._held[path] = pq.read_table(path)
            found += self._held[path].slice(start, count).to_pylist()
            self._read[path] += 1
            if self._read[path] == self._sizes[path]:
                del self._held[path], self._read[path]
        return found


def _files(work: Path) -> list[Path]:
    return [*work.glob("chunk-*.parquet"), *work.glob("aside-*.json")]
