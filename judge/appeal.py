"""Which comparisons go to the judges of the appeal."""

from math import floor

from rounds.ids import digest
from rounds.settle import comparisons, settle
from rounds.tables import Row


def undecided(rows: list[list[Row]], max_share: float) -> list[tuple[int, str, str]]:
    """What no judge decided, as (place of the prompt, a, b); a tie is decided.

    `rows` are the verdict rows of each prompt. At most `max_share` of all comparisons, chosen by
    hash, so that a resumed round appeals the same ones.
    """
    compared = [
        (index, a, b, settle(verdicts).outcome)
        for index, of_prompt in enumerate(rows)
        for (a, b), verdicts in comparisons(of_prompt).items()
    ]
    lost = [(index, a, b) for index, a, b, outcome in compared if outcome == "abstain"]
    allowed = floor(max_share * len(compared))
    taken = sorted(lost, key=lambda item: digest("appeal", item[1], item[2]))[:allowed]
    return sorted(taken)
