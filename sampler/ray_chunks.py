"""A job cut into chunks that are drawn as a whole, wherever that is."""

import os
from dataclasses import dataclass, field
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any

from rounds.ids import digest


@dataclass(order=True)
class Chunk:
    """Requests that are drawn as a whole, named by what they are."""

    number: int
    name: str = field(compare=False)
    start: int = field(compare=False)
    size: int = field(compare=False)
    """Where its requests begin in their file, and how many bytes they are."""
    prompts: int = field(compare=False)
    lost: int = field(default=0, compare=False)


CHUNKS_EACH = 8
"""Chunks of a worker, at the least: while the last are drawn a faster one has nothing to do."""


def chunks_of(path: Path, job: dict[str, Any], workers: int) -> list[Chunk]:
    """The requests of a job in slices: of `chunk` prompts, or fewer, so that every worker has some.

    Their numbers are those of the files that they become, in the order of the requests.
    """
    size = min(job["chunk"], ceil(job["prompts"] / (CHUNKS_EACH * workers)))
    chunks: list[Chunk] = []
    start = 0
    with path.open("rb") as file:
        while lines := list(islice(file, size)):
            name = digest("chunk", *(line.decode() for line in lines))
            number, length = job["first_number"] + len(chunks), sum(map(len, lines))
            chunks.append(Chunk(number, name, start, length, len(lines)))
            start += length
    return chunks


def requests_of(path: Path, chunk: Chunk) -> list[str]:
    """The lines of a chunk, read when they are wanted: a round may have millions."""
    with path.open("rb") as file:
        file.seek(chunk.start)
        return [line.decode() for line in file.read(chunk.size).splitlines()]


def with_absolute_paths(job: dict[str, Any]) -> dict[str, Any]:
    """The job as a process in another folder reads it."""
    loadings = job["fit"]["loadings"] if job["fit"] else []
    for writers in (job["writers"], *(one["writers"] for one in loadings)):
        for policy in (writer["policy"] for writer in writers if writer["policy"]):
            for name in ("model", "adapter"):
                policy[name] = policy[name] and os.path.abspath(policy[name])
    return job
