"""How the places of a round are shared between its sources."""

from collections.abc import Sequence


def shares(places: int, weights: Sequence[float], supply: Sequence[int]) -> list[int]:
    """Places for each source, by weight (largest remainder), no more than it has prompts.

    What a source cannot fill goes to the others by their weights. A tie goes to the earlier one.
    """
    given = [0] * len(weights)
    open_to = [index for index, weight in enumerate(weights) if weight > 0]
    while open_to:
        counts = _by_weight(places, [weights[index] for index in open_to])
        short = [
            index for index, count in zip(open_to, counts, strict=True) if count > supply[index]
        ]
        if not short:
            for index, count in zip(open_to, counts, strict=True):
                given[index] = count
            break
        for index in short:
            given[index] = supply[index]
            places -= supply[index]
        open_to = [index for index in open_to if index not in short]
    return given


def _by_weight(places: int, weights: Sequence[float]) -> list[int]:
    most = max(weights)
    parts = [weight / most for weight in weights]
    exact = [places * part / sum(parts) for part in parts]
    counts = [int(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda index: counts[index] - exact[index])
    for index in by_remainder[: places - sum(counts)]:
        counts[index] += 1
    return counts
