"""The questions that strategies are made of: scores, comparisons in both orders, whole lists."""

import asyncio
import random

from judge.calls import compare, rank, score
from judge.rows import Judge, Question, Voice
from rounds.ids import digest
from rounds.tables import Row


def usable(candidates: list[Row]) -> list[Row]:
    """Candidates worth paying for: not cut off, not empty, each text once."""
    kept: dict[str, Row] = {}
    for candidate in candidates:
        if candidate["finish_reason"] != "length" and candidate["text"].strip():
            kept.setdefault(candidate["text_hash"], candidate)
    return list(kept.values())


async def screen(judge: Judge, prompt: Row, candidates: list[Row]) -> list[Row]:
    """Every candidate scored alone, by the first of the jury; rows in the candidates' order."""
    questions = [
        Question("pointwise", prompt, candidate, None, None, "screen") for candidate in candidates
    ]
    return list(await asyncio.gather(*(score(judge, judge.jury[0], each) for each in questions)))


async def both_orders(
    judge: Judge, prompt: Row, a: Row, b: Row, purpose: str = "confirm", repeat: int = 0
) -> list[Row]:
    """One comparison by the whole jury: a shown first, then b shown first.

    Who sees no order (a rule) is asked once.
    """
    calls = [
        compare(judge, voice, Question("pairwise", prompt, a, b, first, purpose, repeat))
        for voice in judge.jury
        for first in orders(voice)
    ]
    return list(await asyncio.gather(*calls))


def orders(voice: Voice) -> tuple[str | None, ...]:
    """The orders in which a voice has to see a comparison."""
    return (None,) if voice.rule is not None else ("a", "b")


async def lists(judge: Judge, prompt: Row, candidates: list[Row]) -> list[Row]:
    """All candidates ranked twice, the second time in the reverse of the first shuffled order.

    So whichever two come out at the ends, each of them was shown first once.
    """
    shuffled = shuffle(prompt, candidates)
    questions = [
        Question("listwise", prompt, shown[0], None, None, "screen", shown=shown)
        for shown in (shuffled, shuffled[::-1])
    ]
    return list(await asyncio.gather(*(rank(judge, judge.jury[0], each) for each in questions)))


def shuffle(prompt: Row, candidates: list[Row]) -> list[Row]:
    """The candidates in an order that follows from the prompt and their ids alone."""
    ordered = sorted(candidates, key=lambda row: str(row["candidate_id"]))
    random.Random(digest("shuffle", prompt["prompt_id"])).shuffle(ordered)
    return ordered
