"""Which comparisons go to the judges of the appeal."""

from collections.abc import Iterable
from math import floor

from rounds.ids import digest
from rounds.settle import comparisons, margin, screen_scores, settle
from rounds.tables import Row

READ = (
    *("verdict_id", "prompt_id", "kind", "candidate_a", "candidate_b", "shown_first", "outcome"),
    *("reason", "score", "probability", "judge_id", "purpose", "level", "threshold", "ranking"),
)
"""What settling a comparison reads of a verdict row."""


def undecided(
    rows: Iterable[list[Row]], max_share: float, pairs: int
) -> list[tuple[int, str, str]]:
    """What no judge decided, as (place of the prompt, a, b); a tie is decided.

    `rows` are the verdict rows of each prompt, which is to give `pairs` pairs. For every one that
    is missing it appeals a comparison, the first it tried; what reversed the screen is no pair. At
    most `max_share` of the comparisons, chosen by hash, so that a resumed round appeals the same.
    """
    lost, compared = [], 0
    for index, of_prompt in enumerate(rows):
        outcomes = {pair: settle(found).outcome for pair, found in comparisons(of_prompt).items()}
        compared += len(outcomes)
        scores = screen_scores(of_prompt)
        missing = pairs - sum(_is_pair(*item, scores) for item in outcomes.items())
        open_ones = [pair for pair, outcome in outcomes.items() if outcome == "abstain"]
        lost += [(index, a, b) for a, b in open_ones[: max(0, missing)]]
    allowed = floor(max_share * compared)
    taken = sorted(lost, key=lambda item: digest("appeal", item[1], item[2]))[:allowed]
    return sorted(taken)


def _is_pair(ids: tuple[str, str], outcome: str, scores: dict[str, float]) -> bool:
    if outcome not in ("a", "b"):
        return False
    chosen, rejected = ids if outcome == "a" else ids[::-1]
    return (margin(scores, chosen, rejected) or 0) >= 0
