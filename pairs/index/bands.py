"""Locality-sensitive keys of n-gram sets: MinHash signatures by rensa, cut into bands.

Two sets of Jaccard J agree in a band of r values with probability J^r (Broder 1997; Leskovec,
Rajaraman and Ullman, "Mining of Massive Datasets", 3.4).
"""

from array import array
from typing import NamedTuple

import numpy as np
from rensa import RMinHash  # type: ignore[import-untyped]

from texts.shingles import NgramSets
from texts.word_hashes import Hashes

RECALL = 0.998
"""The least probability that a pair exactly at the threshold shares a band."""

MAX_VALUES = 150
SEED = 20

MINHASH: int = RMinHash.ALGORITHM_VERSION
"""Signatures of another version of the algorithm cannot be compared."""


class Bands(NamedTuple):
    """How many bands, and of how many MinHash values each."""

    bands: int
    rows: int


def bands_for(threshold: float) -> Bands:
    """The bands of most values, thus with fewest chance meetings, that MAX_VALUES in all allow."""
    best = Bands(1, 16)
    if threshold < 1:
        for rows in range(1, 17):
            bands = int(np.ceil(np.log(1 - RECALL) / np.log1p(-(threshold**rows))))
            if rows == 1 or bands * rows <= MAX_VALUES:
                best = Bands(bands, rows)
    return best


def band_keys(sets: list[NgramSets], bands: Bands) -> Hashes:
    """A 64-bit key for each text and band, of shape (texts, bands).

    Each text has several sets. The values of a band are dealt to these in turn, the last set first:
    texts meet where all of their sets are similar, however many share one.
    """
    keys: Hashes | None = None
    for place, some in enumerate(sets):
        rows = (bands.rows + place) // len(sets)
        signature = _signature(some, bands.bands * rows).reshape(-1, bands.bands, rows)
        if keys is None:
            keys = np.tile(np.arange(bands.bands, dtype=np.uint64), (len(signature), 1))
        for row in range(rows):
            keys = (keys ^ signature[:, :, row]) * np.uint64(0x9E3779B97F4A7C15)
            keys = keys ^ (keys >> np.uint64(29))
    assert keys is not None
    return keys * np.uint64(0xBF58476D1CE4E5B9)


def _signature(sets: NgramSets, values: int) -> Hashes:
    texts = len(sets.offsets) - 1
    if values == 0:
        return np.zeros((texts, 0), np.uint64)
    digests = RMinHash.digest_matrix_from_flat_token_hashes(
        sets.hashes, sets.offsets.tolist(), values, SEED
    )
    values_of = [array("I", row) for row in digests.to_rows()]  # each has 32 bits
    joined = np.frombuffer(b"".join(values_of), dtype=np.uint32)
    return joined.astype(np.uint64).reshape(texts, values)
