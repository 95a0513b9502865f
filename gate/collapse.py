"""Whether the trained policy still says different things: its held-out answers beside the first
policy's on the same prompts.
"""

from collections.abc import Sequence
from typing import Any

from rounds.contests import Contest
from texts.diversity import Diversity, diversities

LEAST_ANSWERS = 20
"""Held-out prompts below which nothing is said of a collapse."""
DISTINCT_LOST = 0.6
"""Share of the first policy's distinct-2 below which the policy has collapsed."""
SIMILARITY_TIMES, SIMILARITY_MORE = 2.0, 0.1
"""So many times the first policy's self-similarity, and by so much more, and it has."""


def answers_beside(contests: Sequence[Contest]) -> dict[str, Any] | None:
    """Lengths and diversity of the trained policy's answers and of the first policy's, with `n`;
    None without an answer. `contests` are those of all splits against the first policy.
    """
    if not contests:
        return None
    sides = [contest.new for contest in contests], [contest.other for contest in contests]
    texts = [[row["text"] for row in rows] for rows in sides]
    measured = diversities(*texts)
    beside: dict[str, Any] = {"n": len(contests)}
    for name, rows, diversity in zip(("trained", "initial"), sides, measured, strict=True):
        tokens = [row["n_tokens"] for row in rows if row["n_tokens"] is not None]
        beside[name] = {
            "mean_characters": sum(len(row["text"]) for row in rows) / len(rows),
            "mean_tokens": sum(tokens) / len(tokens) if tokens else None,
            **diversity._asdict(),
        }
    beside["collapsed"] = collapsed(*measured, len(contests))
    return beside


def collapsed(trained: Diversity, initial: Diversity, n: int) -> str | None:
    """How it is seen that the trained policy has collapsed; None where it is not, or where the
    answers are too few.
    """
    if n < LEAST_ANSWERS:
        return None
    now, first = trained.distinct_2, initial.distinct_2
    if now is not None and first is not None and now < DISTINCT_LOST * first:
        return f"distinct-2 is {now:.3f}, the first policy's {first:.3f}"
    now, first = trained.self_similarity, initial.self_similarity
    if now is None or first is None:
        return None
    if now > max(SIMILARITY_TIMES * first, first + SIMILARITY_MORE):
        return f"self-similarity is {now:.3f}, the first policy's {first:.3f}"
    return None


def collapse_alarm(beside: dict[str, Any] | None) -> list[str]:
    """The alarm, where there is one to give."""
    if beside is None or beside["collapsed"] is None:
        return []
    return [
        f"mode collapse: the held-out answers say less in different words ({beside['collapsed']}); "
        "look at them, and lower the learning rate or raise beta"
    ]
