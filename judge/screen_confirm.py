"""Screen every candidate alone, then confirm best against worst in both orders.

N + 2 calls for N candidates. The screen is free of order effects and hard to game; the
confirmation catches what the screen got wrong. A prompt stops spending as soon as it is hopeless.
"""

import asyncio

from judge.calls import Judge, compare, score
from rounds.tables import Row


async def screen_confirm(judge: Judge, prompt: Row, candidates: list[Row]) -> list[Row]:
    """All verdict rows for one prompt; `candidates` are its answers."""
    usable = distinct_finished(candidates)
    if len(usable) < 2:
        return []
    scores = list(await asyncio.gather(*(score(judge, prompt, each) for each in usable)))
    extremes = best_and_worst(usable, scores)
    if extremes is None:
        return scores
    best, worst = extremes
    return [*scores, *await both_orders(judge, prompt, best, worst)]


async def both_orders(judge: Judge, prompt: Row, a: Row, b: Row) -> list[Row]:
    """One comparison, asked twice: a shown first, then b shown first."""
    return list(
        await asyncio.gather(
            compare(judge, prompt, a, b, "a"),
            compare(judge, prompt, a, b, "b"),
        )
    )


def distinct_finished(candidates: list[Row]) -> list[Row]:
    """Candidates worth paying for: not cut off, not empty, each text once."""
    kept: dict[str, Row] = {}
    for candidate in candidates:
        if candidate["finish_reason"] != "length" and candidate["text"].strip():
            kept.setdefault(candidate["text_hash"], candidate)
    return list(kept.values())


def best_and_worst(candidates: list[Row], scores: list[Row]) -> tuple[Row, Row] | None:
    """The two candidates that the screen holds farthest apart; None where it sees no difference.

    A candidate without a score is neither best nor worst. Among equals the earlier one is taken.
    """
    scored = [
        (row["score"], candidate)
        for candidate, row in zip(candidates, scores, strict=True)
        if row["score"] is not None
    ]
    if len(scored) < 2:
        return None
    high = max(scored, key=lambda item: item[0])
    low = min(scored, key=lambda item: item[0])
    return (high[1], low[1]) if high[0] > low[0] else None
