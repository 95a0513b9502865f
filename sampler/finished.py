"""Prompts that every writer has finished, in their order, while the sampling goes on."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from rounds.rows import Candidate
from sampler.chunks import ChunkReader
from sampler.config import SamplerConfig
from sampler.loadings import loadings
from sampler.requests import PromptRequest, PromptRequests
from sampler.writers import Writer

TOKENS = ("token_ids", "prompt_token_ids")
"""Columns that whoever reads the texts has no use for, and many numbers each."""


class FinishedPrompt(NamedTuple):
    """A prompt with its candidates as the table will have them, but for their tokens.

    `whole` says that nobody failed at one: what an endpoint failed at it may give after a kill.
    """

    prompt_id: str
    candidates: list[Candidate]
    whole: bool


class Finished:
    """The prompts of `splits` of a sampling under way, from the chunks under `work`.

    `beside` are candidates that there are of a prompt already; they stand first. In memory are the
    ids of prompts that are not asked for yet, and chunks as `ChunkReader` holds them.
    """

    def __init__(
        self,
        work: Path,
        requests: PromptRequests,
        writers: list[Writer],
        config: SamplerConfig,
        splits: tuple[str, ...],
        beside: Mapping[str, list[Candidate]] | None = None,
    ) -> None:
        self._folders = (work, work / "endpoints")
        self._config, self._beside = config, beside or {}
        served = {one.name for one in writers if one.policy and one.policy.served}
        self._groups = [*(set(loading.names) for loading in loadings(writers)), served]
        self._drawn = {one.name for one in writers if one.policy is not None}
        self._revises = {one.name: one.revises for one in writers}
        self._requests = requests
        self._left: int | None = None
        self._coming = (request for request in requests() if request.split in splits)
        self._next: PromptRequest | None = None
        self._chunks, self._seen = ChunkReader(), set[Path]()
        self._done, self._counts = Counter[str](), Counter[str]()

    def new(self) -> Iterator[FinishedPrompt]:
        """Those that have finished since this was called last, up to the first that has not.

        None any more once all are: then the table is about to come. None while more answers are cut
        off than the round allows, or where a prompt was set aside that may not be: it may stop.
        """
        if self._left is None:  # not before: they are many, and the sampling would wait
            self._left = sum(map(self._parts, self._requests()))
            self._next = next(self._coming, None)
        self._left -= self._look()
        while (request := self._next) is not None and self._goes_on():
            if self._done[request.prompt_id] < self._parts(request):
                return
            del self._done[request.prompt_id]
            self._next = next(self._coming, None)
            if request.prompt_id in self._chunks:
                yield self._finished(request)

    def _finished(self, request: PromptRequest) -> FinishedPrompt:
        drawn = self._chunks.candidates(request.prompt_id)
        self._chunks.forget(request.prompt_id)
        rows = sorted([*request.existing, *drawn], key=lambda row: row["index"])
        n = Counter(row["source"] for row in rows)
        whole = all(
            n[one.writer] == (n[revised] if (revised := self._revises[one.writer]) else one.n)
            for one in request.writer_requests
        )
        texts: list[Any] = [
            row | dict.fromkeys(TOKENS) for row in [*self._beside.get(request.prompt_id, []), *rows]
        ]
        return FinishedPrompt(request.prompt_id, texts, whole)

    def _parts(self, request: PromptRequest) -> int:
        """By how many a prompt is answered, each of whom leaves all that it wrote in one chunk."""
        asked = {one.writer for one in request.writer_requests}
        return sum(not asked.isdisjoint(group) for group in self._groups)

    def _goes_on(self) -> bool:
        most, counts = self._config.max_cut_off, self._counts
        if self._config.unanswerable == "stop" and self._chunks.reasons:
            return False
        return bool(self._left) and (most is None or counts["cut"] <= most * counts["answers"])

    def _look(self) -> int:
        """Read the chunks that are new; how many prompts are finished there."""
        parts = 0
        reads: tuple[tuple[str, Callable[[Path], list[str]]], ...] = (
            ("aside-*.json", self._chunks.read_aside),
            ("chunk-*.parquet", self._read_chunk),
        )
        for pattern, read in reads:
            for path in chain.from_iterable(sorted(one.glob(pattern)) for one in self._folders):
                if path not in self._seen:
                    self._seen.add(path)
                    finished = read(path)
                    self._done.update(finished)
                    parts += len(finished)
        return parts

    def _read_chunk(self, path: Path) -> list[str]:
        columns = ["split", "source", "finish_reason"]
        for row in pq.read_table(path, columns=columns).to_pylist():
            if row["split"] == "train" and row["source"] in self._drawn:
                self._counts.update(answers=1, cut=row["finish_reason"] == "length")
        return self._chunks.read_chunk(path)


Begun = Callable[[Finished], None]
"""Called by a sampling that begins, with what will have finished of it."""
