"""What the pairs of a round can be told apart by, read from its tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rounds.rows import EXTRA, PAIRS, PROMPTS, VERDICTS, Messages
from rounds.tables import iter_rows
from trainer.blame_parts import Traits

COLUMNS = (
    *("pair_id", "prompt_id", "chosen", "rejected", "margin", "verdict_ids"),
    *("chosen_source", "rejected_source"),
)


def pair_traits(folder: Path) -> list[Traits]:
    """Every pair that a round was trained on, its own first: by the tags and the source of its
    prompt and who wrote its answers, by why the judge abstained on the way and what the deciding
    verdicts were for, by the screen's margin and by how much longer chosen is, in characters.
    """
    columns = ["prompt_id", "source", "tags"]
    prompts = {row["prompt_id"]: row for row in iter_rows(folder, PROMPTS, ["train"], columns)}
    own = list(iter_rows(folder, PAIRS, columns=COLUMNS))
    extra = list(iter_rows(folder, EXTRA, columns=(*COLUMNS, "origin")))
    wanted = {name for row in own for name in row["verdict_ids"] or ()}
    verdicts = {
        row["verdict_id"]: row
        for row in iter_rows(
            folder, VERDICTS, ["train"], ["verdict_id", "reason", "purpose", "level"]
        )
        if row["verdict_id"] in wanted
    }
    return [
        *(_traits(row, prompts.get(row["prompt_id"]), verdicts, "the round") for row in own),
        *(_traits(row, None, {}, _title(row["origin"])) for row in extra),
    ]


def _traits(
    row: Mapping[str, Any],
    prompt: Mapping[str, Any] | None,
    verdicts: Mapping[str, Mapping[str, Any]],
    origin: str,
) -> Traits:
    rests_on = [verdicts[name] for name in row["verdict_ids"] or () if name in verdicts]
    sources = {f"from {origin}"}
    if prompt is not None:
        sources.add(_title(prompt["source"]))
    if row["chosen_source"] and row["rejected_source"]:
        sources.add(f"{row['chosen_source']} over {row['rejected_source']}")
    values = {
        "tag": frozenset((prompt or {}).get("tags") or ()),
        "source": frozenset(sources),
        "reason": frozenset(one["reason"] for one in rests_on if one["reason"]),
        "purpose": frozenset(_purpose(one) for one in rests_on if one["purpose"]),
    }
    longer = _length(row["chosen"]) - _length(row["rejected"])
    numbers = {"margin": row["margin"], "length difference": float(longer)}
    own = origin == "the round"
    return Traits(row["pair_id"], row["prompt_id"], own, values, numbers)


def _purpose(verdict: Mapping[str, Any]) -> str:
    return f"{verdict['purpose']}, on appeal" if verdict["level"] else str(verdict["purpose"])


def _title(source: str) -> str:
    """A source without the row."""
    return source.rpartition(":")[0] or source


def _length(answer: Messages) -> int:
    return sum(len(turn["content"]) for turn in answer)
