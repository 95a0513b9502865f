"""Which comparisons go to the judges of the appeal."""

from math import floor

from rounds.ids import digest
from rounds.settle import comparisons, settle
from rounds.tables import Row


def undecided(rows: list[list[Row]], max_share: float, pairs: int) -> list[tuple[int, str, str]]:
    """What no judge decided, as (place of the prompt, a, b); a tie is decided.

    `rows` are the verdict rows of each prompt, which is to give `pairs` pairs: one that has them
    appeals nothing, whatever was tried before. At most `max_share` of the comparisons, chosen by
    hash, so that a resumed round appeals the same ones.
    """
    lost, compared = [], 0
    for index, of_prompt in enumerate(rows):
        outcomes = {pair: settle(found).outcome for pair, found in comparisons(of_prompt).items()}
        compared += len(outcomes)
        missing = pairs - sum(outcome != "abstain" for outcome in outcomes.values())
        open_ones = [pair for pair, outcome in outcomes.items() if outcome == "abstain"]
        lost += [(index, a, b) for a, b in open_ones[: max(0, missing)]]
    allowed = floor(max_share * compared)
    taken = sorted(lost, key=lambda item: digest("appeal", item[1], item[2]))[:allowed]
    return sorted(taken)
