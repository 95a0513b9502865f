"""Cohen's kappa: how far two raters agree beyond what chance alone would give."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from rounds.rates import CONFIDENCE, wilson

TURNED = {"a": "b", "b": "a", "tie": "tie"}
"""An outcome where the two candidates change their names."""

Ratings = Iterable[tuple[str, str]]


def kappa(ratings: Ratings) -> float | None:
    """Cohen's kappa of two raters; None without cases or where both say one thing only."""
    counts, by_chance = _by_chance(ratings)
    n = counts.total()
    if by_chance == n * n:
        return None
    return (_agreed(counts) * n - by_chance) / (n * n - by_chance)


def either_way(ratings: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Outcomes of comparisons counted with either candidate called a.

    Who is called a says something (a strategy calls its favourite so): counted one way round only,
    chance would seem to agree.
    """
    return [*ratings, *((TURNED[first], TURNED[second]) for first, second in ratings)]


def kappa_interval(ratings: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Kappa of outcomes (a, b, tie) counted either way, as value, low, high and n; None where there
    is none. The interval is at 95 %.

    The agreement by chance, which either way round depends on the ties alone, is taken as known, as
    in Cohen's own standard error (Educ. Psychol. Meas. 20, 1960, p. 43), with Wilson's interval of
    the share agreed in place of the normal one: it holds for few cases and where all agree.
    """
    n = len(ratings)
    value = kappa(either_way(ratings))
    if value is None:
        return {"value": None, "low": None, "high": None, "n": n}
    counts, by_chance = _by_chance(either_way(ratings))
    chance = by_chance / counts.total() ** 2
    ends = wilson(_agreed(counts) / counts.total(), n, CONFIDENCE)
    low, high = ((end - chance) / (1 - chance) for end in ends)
    return {"value": value, "low": low, "high": high, "n": n}


def _agreed(counts: Counter[tuple[str, str]]) -> int:
    return sum(times for (by_first, by_second), times in counts.items() if by_first == by_second)


def _by_chance(ratings: Ratings) -> tuple[Counter[tuple[str, str]], int]:
    """The ratings counted, and the agreement by chance times the square of their number."""
    counts = Counter(ratings)
    first, second = Counter[str](), Counter[str]()
    for (by_first, by_second), times in counts.items():
        first[by_first] += times
        second[by_second] += times
    return counts, sum(first[name] * second[name] for name in first)
