"""Locality-sensitive keys of n-gram sets: MinHash signatures by rensa, cut into bands.

Two sets of Jaccard J agree in a band of r values with probability J^r (Broder 1997; Leskovec,
Rajaraman and Ullman, "Mining of Massive Datasets", 3.4).
"""

from typing import NamedTuple

import numpy as np
from rensa import RMinHash  # type: ignore[import-untyped]

from texts.shingles import Hashes, NgramSets

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


def band_keys(sets: NgramSets, bands: Bands) -> Hashes:
    """A 64-bit key for each text and band, of shape (texts, bands)."""
    values = bands.bands * bands.rows
    digests = RMinHash.digest_matrix_from_flat_token_hashes(
        sets.hashes, sets.offsets.tolist(), values, SEED
    )
    signature = np.array(digests.to_rows(), dtype=np.uint64).reshape(-1, bands.bands, bands.rows)
    keys = np.broadcast_to(np.arange(bands.bands, dtype=np.uint64), signature.shape[:2])
    for row in range(bands.rows):
        keys = (keys ^ signature[:, :, row]) * np.uint64(0x9E3779B97F4A7C15)
        keys = keys ^ (keys >> np.uint64(29))
    return keys * np.uint64(0xBF58476D1CE4E5B9)
