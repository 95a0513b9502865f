"""What became of every candidate of a round."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rounds.grouped import grouped
from rounds.rows import CANDIDATES, DROPPED, PAIRS, PROMPTS, DroppedPair, Pair
from rounds.tables import iter_rows

PAIR = "pair"
NOT_COMPARED = "not_compared"

PAIR_COLUMNS = ("prompt_id", "chosen_id", "rejected_id")
DROPPED_COLUMNS = ("prompt_id", "pair_id", "chosen_id", "candidate_ids", "reason")


def candidate_outcomes(round_dir: Path) -> dict[str, int]:
    """How many train candidates became what, each counted once: see `outcomes_of`. Streams."""
    prompts = iter_rows(round_dir, PROMPTS, ["train"], ["prompt_id"])
    prompt_ids = [row["prompt_id"] for row in prompts]
    tables = zip(
        grouped(round_dir, CANDIDATES, prompt_ids, ["train"], ["prompt_id", "candidate_id"]),
        grouped(round_dir, PAIRS, prompt_ids, None, PAIR_COLUMNS),
        grouped(round_dir, DROPPED, prompt_ids, None, DROPPED_COLUMNS),
        strict=True,
    )
    counts: Counter[str] = Counter()
    for candidates, pairs, dropped in tables:
        candidate_ids = [row["candidate_id"] for row in candidates]
        counts.update(outcomes_of(candidate_ids, pairs, dropped).values())
    return dict(sorted(counts.items()))


def outcomes_of(
    candidate_ids: Iterable[str], pairs: Iterable[Pair], dropped: Iterable[DroppedPair]
) -> dict[str, str]:
    """What became of each candidate of a prompt, given the prompt's kept and dropped rows.

    `pair` where it is a side of a kept pair; else the reason of the dropped row that considered it,
    a decided one first where there are several; else `not_compared`.
    """
    outcomes = dict.fromkeys(candidate_ids, NOT_COMPARED)
    by_rank = sorted(dropped, key=lambda row: (row["chosen_id"] is None, row["pair_id"]))
    for row in reversed(by_rank):
        for candidate_id in outcomes.keys() & row["candidate_ids"]:
            outcomes[candidate_id] = row["reason"] or NOT_COMPARED
    for pair in pairs:
        for candidate_id in outcomes.keys() & {pair["chosen_id"], pair["rejected_id"]}:
            outcomes[candidate_id] = PAIR
    return outcomes
