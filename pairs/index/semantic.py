"""Pairs that say the same in other words, as an embedding of the user sees it: prompt and answers.

<folder>/0001.semantic, 0002.semantic, ...    one file for each finished round, never changed
"""

from collections.abc import Collection
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pairs.index.embedding import WHERE, Vectors, load_embedding
from pairs.index.segments import Array, TextsOfRound, read_segment, strings, write_segment
from pairs.pair import PairTexts
from rounds.errors import UserError
from rounds.functions import short_reference

PAIRS_AT_ONCE = 128
VECTORS_AT_ONCE = 2**14

ROUNDING = 1e-6
"""What the order of additions may make of a cosine."""


class SemanticDuplicate(NamedTuple):
    """The most similar kept pair: its id, its round and the lower cosine of the two: that of the
    prompts or that of the answers."""

    pair_id: str
    round: int
    cosine: float

    @property
    def detail(self) -> str:
        """Which pair it is and how near, in words."""
        return f"cosine {self.cosine:.3f} with {self.pair_id} of round {self.round}"


class RoundVectors(NamedTuple):
    """Unit vectors of a round, of shape (pairs, 2, dimensions): prompt, answers; with pair ids."""

    round: int
    pair_ids: list[bytes] | Array
    vectors: Vectors


class SemanticIndex:
    """The kept pairs of `earlier` rounds and, as they come, those of round `number`.

    `embed` names the user's function; it takes a list of texts and returns a vector for each.
    `texts_of(round)` is asked for the pairs of earlier rounds whose file is missing or was written
    with another function, or another text of it. Compares with every kept pair; memory holds four
    bytes a dimension for each of two texts of a pair kept in this round, earlier rounds are mapped
    files.
    """

    def __init__(
        self,
        folder: Path,
        number: int,
        earlier: list[int],
        texts_of: TextsOfRound[PairTexts],
        embed: str,
        threshold: float,
    ) -> None:
        self.folder = folder
        self.number = number
        self.threshold = threshold
        self._embed = load_embedding(embed)
        source = self._embed.source
        self._facts = {"embed": short_reference(embed), "source": source, "format": 3}
        self._own: list[RoundVectors] = []
        self._earlier = [self._read(done, texts_of) for done in sorted(earlier)]

    def keep(self, pair_ids: list[str], pairs: list[PairTexts]) -> list[SemanticDuplicate | None]:
        """For each pair, in order, the most similar pair kept so far; one without is kept.

        Among equally similar ones it is that of the earliest round, then of the first id.
        """
        duplicates: list[SemanticDuplicate | None] = []
        for at in range(0, len(pairs), PAIRS_AT_ONCE):
            batch = slice(at, at + PAIRS_AT_ONCE)
            encoded = [pair_id.encode() for pair_id in pair_ids[batch]]
            duplicates += self._keep(encoded, pairs[batch])
        return duplicates

    def write(self, kept: Collection[str]) -> None:
        """Write the file of this round, with these pairs only."""
        self._write(self.number, self._own, {pair_id.encode() for pair_id in kept})

    def _keep(
        self, pair_ids: list[bytes], pairs: list[PairTexts]
    ) -> list[SemanticDuplicate | None]:
        vectors = self._vectors(pairs)
        best = self._most_similar_before(vectors)
        among = _cosines(vectors, vectors)
        kept: list[int] = []
        for row, before in enumerate(best):
            cosines = among[row, kept]
            if cosines.size and cosines.max() >= self.threshold - ROUNDING:
                kept_ids = [pair_ids[place] for place in kept]
                best[row] = _better(before, _most_similar(cosines, kept_ids, self.number))
            elif before is None:
                kept.append(row)
        kept_ids = [pair_ids[row] for row in kept]
        self._own.append(RoundVectors(self.number, kept_ids, vectors[kept]))
        return best

    def _most_similar_before(self, vectors: Vectors) -> list[SemanticDuplicate | None]:
        """For each vector the most similar pair that earlier rounds and calls kept."""
        best: list[SemanticDuplicate | None] = [None] * len(vectors)
        for part in [*self._earlier, *self._own]:
            if not len(part.pair_ids):
                continue
            if part.vectors.shape[2] != vectors.shape[2]:
                raise UserError(
                    f"{WHERE}: vectors of {vectors.shape[2]} numbers, {part.vectors.shape[2]} in "
                    f"round {part.round}; remove {self.folder}/*.semantic to embed it again"
                )
            for at in range(0, len(part.pair_ids), VECTORS_AT_ONCE):
                span = slice(at, at + VECTORS_AT_ONCE)
                cosines = _cosines(vectors, part.vectors[span])
                for row in np.flatnonzero(cosines.max(axis=1) >= self.threshold - ROUNDING):
                    duplicate = _most_similar(cosines[row], part.pair_ids[span], part.round)
                    best[row] = _better(best[row], duplicate)
        return best

    def _read(self, number: int, texts_of: TextsOfRound[PairTexts]) -> RoundVectors:
        """An earlier round, whose file is written first if need be."""
        arrays = read_segment(self._path(number), self._facts)
        if arrays is None:
            source = iter(texts_of(number))
            parts: list[RoundVectors] = []
            while batch := list(islice(source, PAIRS_AT_ONCE)):
                pair_ids = [pair_id.encode() for pair_id, _ in batch]
                vectors = self._vectors([texts for _, texts in batch])
                parts.append(RoundVectors(number, pair_ids, vectors))
            self._write(number, parts, {pair_id for part in parts for pair_id in part.pair_ids})
            return self._read(number, texts_of)
        stored_vectors, stored_ids = arrays
        return RoundVectors(number, stored_ids, stored_vectors)

    def _write(self, number: int, parts: list[RoundVectors], kept: set[bytes]) -> None:
        pair_ids = [pair_id for part in parts for pair_id in part.pair_ids]
        wanted = np.array([pair_id in kept for pair_id in pair_ids], bool)
        nothing = [np.zeros((0, 2, 0), np.float32)]
        vectors = np.concatenate([part.vectors for part in parts] or nothing)
        kept_ids = strings([pair_id for pair_id in pair_ids if pair_id in kept])
        write_segment(self._path(number), self._facts, [vectors[wanted], kept_ids])

    def _vectors(self, pairs: list[PairTexts]) -> Vectors:
        """Of shape (pairs, 2, dimensions): two texts, so that a long prompt hides no answer."""
        prompts = [pair.prompt for pair in pairs]
        answers = [f"{pair.chosen}\n{pair.rejected}" for pair in pairs]
        vectors = self._embed([*prompts, *answers])
        return np.stack([vectors[: len(pairs)], vectors[len(pairs) :]], axis=1)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:04d}.semantic"


def _cosines(vectors: Vectors, others: Vectors) -> Vectors:
    """The lower cosine, of prompts or of answers, of each with each."""
    of_prompts, of_answers = (vectors[:, text] @ others[:, text].T for text in (0, 1))
    lower: Vectors = np.minimum(of_prompts, of_answers)
    return lower


def _most_similar(
    cosines: Vectors, pair_ids: list[bytes] | Array, number: int
) -> SemanticDuplicate:
    highest = cosines.max()
    equal = np.flatnonzero(cosines >= highest - ROUNDING)
    first_id = min(pair_ids[place].decode() for place in equal)
    return SemanticDuplicate(first_id, number, min(1.0, float(highest)))


def _better(best: SemanticDuplicate | None, other: SemanticDuplicate) -> SemanticDuplicate:
    if best is None or other.cosine > best.cosine + ROUNDING:
        return other
    if other.cosine < best.cosine - ROUNDING:
        return best
    return min(best, other, key=lambda duplicate: (duplicate.round, duplicate.pair_id))
