"""The cap: how many pairs a round keeps at most."""

from collections.abc import Collection
from heapq import nsmallest

from rounds.ids import digest


def beyond_cap(pair_ids: Collection[str], most: int | None) -> set[str]:
    """The pairs that are more than `most`, by hash: the order of the pairs does not matter."""
    if most is None or len(pair_ids) <= most:
        return set()
    kept = nsmallest(most, pair_ids, key=lambda pair_id: digest("max_pairs", pair_id))
    return set(pair_ids) - set(kept)
