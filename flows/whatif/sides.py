"""What a derived round amounts to: what became of every comparison, and its pairs in numbers."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple, TypedDict

from rounds.paired import paired_difference
from rounds.rates import rate
from rounds.rows import CANDIDATES, DROPPED, PAIRS, PROMPTS, DroppedPair, Pair
from rounds.tables import iter_rows

KEPT = "kept"
NOT_KNOWN = "not_known"
"""What becomes of a comparison beside the reasons of dropped rows."""

COLUMNS = (
    *("pair_id", "prompt_id", "candidate_ids", "chosen_id", "rejected_id"),
    *("chosen_source", "rejected_source"),
)

Labels = dict[frozenset[str], str | None]
"""What people prefer of two candidates, by the ids of the two; None where neither is better."""


class Fate(NamedTuple):
    """A row of the pairs or the dropped table: `became` is KEPT or the reason."""

    prompt_id: str
    became: str
    compared: frozenset[str]
    chosen_id: str | None
    rejected_id: str | None
    chosen_source: str | None
    rejected_source: str | None


Fates = dict[str, Fate]
"""By pair_id."""


class Side(TypedDict):
    """The numbers of a round as it is, or as it would be.

    `dropped` counts rows by reason. `tokens` are mean lengths of the kept pairs' sides, of those
    whose tokens are known (`n`); `sources` and `tags` count kept pairs. `gold` has the accuracy on
    the decided gold pairs and the share decided; `people`: of the kept pairs that people labelled,
    those whose chosen answer is the one that they prefer.
    """

    tau: float
    kept: int
    dropped: dict[str, int]
    not_known: int
    tokens: dict[str, Any]
    length_difference: float | None
    sources: dict[str, dict[str, int]]
    tags: dict[str, int]
    gold: dict[str, Any] | None
    people: dict[str, Any]


class Lookup(NamedTuple):
    """What is looked up for every pair: tokens by candidate, tags by prompt."""

    tokens: dict[str, int | None]
    tags: dict[str, list[str]]


def read_lookup(folder: Path) -> Lookup:
    """The lookups of a round's train prompts."""
    candidates = iter_rows(folder, CANDIDATES, ["train"], ["candidate_id", "n_tokens"])
    prompts = iter_rows(folder, PROMPTS, ["train"], ["prompt_id", "tags"])
    return Lookup(
        {row["candidate_id"]: row["n_tokens"] for row in candidates},
        {row["prompt_id"]: row["tags"] for row in prompts if row["tags"]},
    )


def read_fates(folder: Path) -> Fates:
    """What became of every comparison of a round whose pairs are made."""
    kept = {row["pair_id"]: _fate(row, KEPT) for row in iter_rows(folder, PAIRS, columns=COLUMNS)}
    dropped = iter_rows(folder, DROPPED, columns=(*COLUMNS, "reason"))
    return kept | {row["pair_id"]: _fate(row, str(row["reason"])) for row in dropped}


def _fate(row: Pair | DroppedPair, became: str) -> Fate:
    return Fate(
        row["prompt_id"],
        became,
        frozenset(row["candidate_ids"]),
        row["chosen_id"],
        row["rejected_id"],
        row["chosen_source"],
        row["rejected_source"],
    )


def side(
    fates: Fates,
    lookup: Lookup,
    labels: Labels,
    tau: float,
    gold: dict[str, Any] | None,
    length_difference: float | None,
) -> Side:
    """The numbers of one side."""
    kept = [fate for fate in fates.values() if fate.became == KEPT]
    counts = Counter(fate.became for fate in fates.values())
    reasons = {name: n for name, n in sorted(counts.items()) if name not in (KEPT, NOT_KNOWN)}
    right = [one for one in rightness(fates, labels).values() if one is not None]
    return {
        "tau": tau,
        "kept": len(kept),
        "dropped": reasons,
        "not_known": counts[NOT_KNOWN],
        "tokens": _tokens(kept, lookup.tokens),
        "length_difference": length_difference,
        "sources": {
            "chosen": _counted(fate.chosen_source for fate in kept),
            "rejected": _counted(fate.rejected_source for fate in kept),
        },
        "tags": _counted(tag for fate in kept for tag in lookup.tags.get(fate.prompt_id, ())),
        "gold": gold,
        "people": rate(sum(right), len(right)),
    }


def rightness(fates: Fates, labels: Labels) -> dict[frozenset[str], bool | None]:
    """Of what people labelled: whether the kept pair has it right; None where none is kept."""
    chosen = {fate.compared: fate.chosen_id for fate in fates.values() if fate.became == KEPT}
    return {
        compared: chosen[compared] == better if compared in chosen else None
        for compared, better in labels.items()
    }


def people_difference(before: Fates, after: Fates, labels: Labels) -> dict[str, Any]:
    """The paired difference of the shares of kept pairs that people bear out."""
    sides = [rightness(fates, labels) for fates in (before, after)]
    return paired_difference(*([side[compared] for compared in labels] for side in sides))


def _tokens(kept: list[Fate], tokens: dict[str, int | None]) -> dict[str, Any]:
    lengths = [
        (chosen, rejected)
        for fate in kept
        if (chosen := tokens.get(fate.chosen_id or "")) is not None
        and (rejected := tokens.get(fate.rejected_id or "")) is not None
    ]
    if not lengths:
        return {"chosen": None, "rejected": None, "n": 0}
    means = (fmean(of_side) for of_side in zip(*lengths, strict=True))
    return {**dict(zip(("chosen", "rejected"), means, strict=True)), "n": len(lengths)}


def _counted(names: Iterable[str | None]) -> dict[str, int]:
    return dict(sorted(Counter(name for name in names if name is not None).items()))
