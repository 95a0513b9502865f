"""The cleaners that look at one pair, in their order; the first reason counts."""

from functools import partial

from pairs.config import PairsConfig
from pairs.contamination import Contamination
from pairs.language import language
from pairs.loops import loops
from pairs.pair import CandidatePair, Cleaner, DropReason
from pairs.refusals import refusals
from pairs.sides import (
    both_bad,
    chat_tokens,
    cut_off,
    empty,
    identical,
    length_gap,
    length_ratio,
    malformed,
    margin,
    near_identical,
)


def cleaners(
    config: PairsConfig, contamination: Contamination, own: tuple[str, ...] = ()
) -> list[Cleaner]:
    """What looks at a pair alone; duplicates and the length guard look at all of them.

    `own` are the control tokens of the run's tokenizers.
    """
    return [
        cut_off,
        empty,
        identical,
        partial(margin, config=config),
        partial(both_bad, config=config),
        malformed,
        partial(chat_tokens, own=own),
        partial(loops, config=config),
        partial(near_identical, config=config),
        partial(refusals, config=config),
        partial(language, config=config),
        partial(length_ratio, config=config),
        partial(length_gap, config=config),
        contamination.leak,
    ]


def first_reason(pair: CandidatePair, checks: list[Cleaner]) -> DropReason | None:
    """Why the pair is dropped, or None."""
    return next((reason for check in checks if (reason := check(pair))), None)
