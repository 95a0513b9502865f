"""The texts of a round as key indexes with pair ids, in memory or as a finished round's file."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pairs.index.segments import Array, put_aside, read_segment, strings, write_segment
from texts.key_index import KeyIndex, subset
from texts.overlap import ComparedTexts
from texts.shingles import NgramSets

LARGE = 2**14
"""Texts from which on an index of the round under way lies in a file."""


class RoundPart(NamedTuple):
    """An index of some texts of a round; the pair of its text i is `pair_ids[first + i]`."""

    round: int
    pair_ids: Sequence[bytes] | Array
    first: int
    key_index: KeyIndex


def round_parts(
    number: int, pair_ids: Sequence[bytes] | Array, indexes: list[KeyIndex]
) -> Iterator[RoundPart]:
    """The indexes of a round, whose pair ids follow each other."""
    first = 0
    for index in indexes:
        yield RoundPart(number, pair_ids, first, index)
        first += index.size


def write_parts(
    path: Path,
    facts: dict[str, Any],
    pair_ids: list[bytes],
    indexes: list[KeyIndex],
    kept: set[bytes],
) -> None:
    """Write the texts of these pairs."""
    wanted = np.array([pair_id in kept for pair_id in pair_ids], bool)
    arrays = [strings([pair_id for pair_id in pair_ids if pair_id in kept])]
    path.parent.mkdir(exist_ok=True)
    for part in round_parts(0, pair_ids, indexes):
        index = subset(part.key_index, wanted[part.first : part.first + part.key_index.size])
        arrays += _arrays_of(index if index is part.key_index else mapped(index, path.parent))
    write_segment(path, facts, arrays)


def mapped(index: KeyIndex, folder: Path) -> KeyIndex:
    """The index, in a file of the folder if it is large, which the system reads as it is needed."""
    if index.size < LARGE:
        return index
    (in_file,) = _indexes_of(put_aside(folder, _arrays_of(index)))
    return in_file


def read_parts(path: Path, facts: dict[str, Any], number: int) -> list[RoundPart] | None:
    """What was written, mapped into memory; None where there is no such file."""
    arrays = read_segment(path, facts)
    if arrays is None:
        return None
    pair_ids, *rest = arrays
    return list(round_parts(number, pair_ids, list(_indexes_of(rest))))


def _arrays_of(index: KeyIndex) -> list[Array]:
    texts = index.texts
    return [index.postings, index.bloom, *texts.sets, texts.bitmaps, *texts.sentences]


def _indexes_of(arrays: list[Array]) -> Iterator[KeyIndex]:
    """The indexes of `_arrays_of` each."""
    for postings, bloom, *sets, bits, words, offsets in zip(*[iter(arrays)] * 7, strict=True):
        texts = ComparedTexts(NgramSets(*sets), bits, NgramSets(words, offsets))
        yield KeyIndex(postings, bloom, texts)
