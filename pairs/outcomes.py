"""What became of every candidate of a round."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rounds.grouped import grouped
from rounds.rows import CANDIDATES, DROPPED, PAIRS, PROMPTS
from rounds.tables import Row, iter_rows

PAIR = "pair"
NOT_COMPARED = "not_compared"


def candidate_outcomes(round_dir: Path) -> dict[str, int]:
    """How many train candidates became what, each counted once: see `fates`. Streams."""
    names = [row["prompt_id"] for row in iter_rows(round_dir, PROMPTS, ["train"], ["prompt_id"])]
    tables = zip(
        grouped(round_dir, CANDIDATES, names, ["train"], ["prompt_id", "candidate_id"]),
        grouped(round_dir, PAIRS, names, None, _SIDES),
        grouped(round_dir, DROPPED, names, None, (*_CONSIDERED, "reason")),
        strict=True,
    )
    counts: Counter[str] = Counter()
    for candidates, pairs, dropped in tables:
        counts.update(
            outcomes_of([row["candidate_id"] for row in candidates], pairs, dropped).values()
        )
    return dict(sorted(counts.items()))


_SIDES = ("prompt_id", "chosen_id", "rejected_id")
_CONSIDERED = ("prompt_id", "pair_id", "chosen_id", "candidate_ids")


def outcomes_of(
    candidate_ids: Iterable[str], pairs: Iterable[Row], dropped: Iterable[Row]
) -> dict[str, str]:
    """What became of each candidate of a prompt, given the prompt's kept and dropped rows.

    `pair` where it is a side of a kept pair; else the reason of the dropped row that considered it,
    a decided one first where there are several; else `not_compared`.
    """
    became = dict.fromkeys(candidate_ids, NOT_COMPARED)
    ranked = sorted(dropped, key=lambda row: (row["chosen_id"] is None, row["pair_id"]))
    for row in reversed(ranked):
        became |= {name: row["reason"] for name in row["candidate_ids"] if name in became}
    for row in pairs:
        became |= {row[side]: PAIR for side in ("chosen_id", "rejected_id") if row[side] in became}
    return became
