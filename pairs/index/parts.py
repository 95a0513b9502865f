"""The texts of a round as blocks with names, in memory or as the file of a finished round."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pairs.index.segments import Array, read_segment, strings, write_segment
from texts.key_index import Block, part_of
from texts.shingles import Sets


class Part(NamedTuple):
    """A block of a round; the name of its text i is `names[first + i]`."""

    round: int
    names: Sequence[bytes] | Array
    first: int
    block: Block


def parts(number: int, names: Sequence[bytes] | Array, blocks: list[Block]) -> Iterator[Part]:
    """The blocks of a round, whose names follow each other."""
    first = 0
    for block in blocks:
        yield Part(number, names, first, block)
        first += block.size


def write_parts(
    path: Path, facts: dict[str, Any], names: list[bytes], blocks: list[Block], kept: set[bytes]
) -> None:
    """Write the texts with these names."""
    wanted = np.array([name in kept for name in names], bool)
    arrays = [strings([name for name in names if name in kept])]
    for part in parts(0, names, blocks):
        block = part_of(part.block, wanted[part.first : part.first + part.block.size])
        arrays += [block.postings, block.marks, *block.sets, block.bitmaps]
    write_segment(path, facts, arrays)


def read_parts(path: Path, facts: dict[str, Any], number: int) -> list[Part] | None:
    """What was written, mapped into memory; None where there is no such file."""
    arrays = read_segment(path, facts)
    if arrays is None:
        return None
    names, *rest = arrays
    blocks = [
        Block(postings, marks, Sets(hashes, offsets), bitmaps)
        for postings, marks, hashes, offsets, bitmaps in zip(*[iter(rest)] * 5, strict=True)
    ]
    return list(parts(number, names, blocks))
