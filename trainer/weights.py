"""How much each pair teaches: by how sure the judge was, and by where the pair comes from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from rounds.errors import UserError
from rounds.folder import round_dir, run_of
from rounds.rows import PAIRS, PROMPTS, ExtraPair
from rounds.tables import iter_rows
from trainer.taught_config import Weights

OWN = ("pairs", "warm_start", "replay")
"""Sources of pairs; the others that can be weighed are sources of prompts, by title."""

COLUMNS = ("pair_id", "prompt_id", "round", "probability")


class PairWeights(NamedTuple):
    """Factors by pair_id, whose mean is any, and how many pairs have no probability."""

    factors: dict[str, float]
    unknown: int


def pair_weights(
    folder: Path, extra: Sequence[ExtraPair], warm: int, weights: Weights
) -> PairWeights:
    """The factor of every pair that a round may be trained on.

    `extra` are the rows of extra.parquet, of which the first `warm` are the warm start.
    """
    own = iter_rows(folder, PAIRS, columns=COLUMNS)
    rows: list[tuple[str, Mapping[str, Any]]] = [(OWN[0], row) for row in own]
    rows += [(OWN[1] if place < warm else OWN[2], row) for place, row in enumerate(extra)]
    sure = {row["pair_id"]: sureness(row["probability"]) for _, row in rows}
    known = [value for value in sure.values() if value is not None]
    alike = fmean(known) if known else 1.0
    titles = [name for name in weights.sources if name not in OWN]
    source_of = dict(_prompt_sources(folder, (row for _, row in rows))) if titles else {}
    found = {}
    for source, row in rows:
        value = 1.0
        if weights.by is not None:
            own_value = sure[row["pair_id"]]
            value = alike if own_value is None else own_value
        title = title_of(source_of.get(row["prompt_id"], ""), titles)
        for name in (source, title):
            value *= weights.sources.get(name or "", 1.0)
        found[row["pair_id"]] = value
    return PairWeights(found, len(sure) - len(known))


def sureness(probability: float | None) -> float | None:
    """2 p - 1 of the probability of the chosen answer: 0 where the judge was torn, 1 where it was
    sure; None without one.
    """
    return None if probability is None else max(0.0, 2 * probability - 1)


def title_of(source: str, titles: Iterable[str]) -> str | None:
    """Which of the titles a prompt's source begins with; it goes on with the row."""
    fitting = [title for title in titles if source == title or source.startswith(f"{title}:")]
    return max(fitting, key=len, default=None)


def weighed(rows: Sequence[Any], weights: Mapping[str, float]) -> tuple[list[Any], dict[str, Any]]:
    """Rows to train on with a `weight` each, and what is said of the weights.

    Their mean is 1: a weight says which pairs teach, and not how much the round does (AdamW's steps
    do not grow with the loss anyway, where max_grad_norm's bound does not move). Raises UserError
    where nothing is left that teaches.
    """
    raw = [weights[row["pair_id"]] for row in rows]
    mean = fmean(raw)
    if not mean:
        raise UserError("trainer.weights: every pair has the weight 0, so nothing would be taught")
    made = [{**row, "weight": value / mean} for row, value in zip(rows, raw, strict=True)]
    values = [row["weight"] for row in made]
    facts = {"least": min(values), "largest": max(values), "zero": values.count(0.0)}
    return made, facts


def _prompt_sources(folder: Path, rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """The source of every prompt, from the round that dealt it."""
    numbers = {row["round"] for row in rows} - {None}
    for number in sorted(numbers):
        dealt = round_dir(run_of(folder), number)
        for prompt in iter_rows(dealt, PROMPTS, ["train"], ["prompt_id", "source"]):
            yield prompt["prompt_id"], prompt["source"]
