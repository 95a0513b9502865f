"""Pairs that were there before, in this round or an earlier one: the same, alike, or in meaning;
and such as contradict one that was."""

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from pairs.config import PairsConfig
from pairs.index.exact import ExactIndex
from pairs.index.near_duplicates import PairIndex
from pairs.index.semantic import SemanticIndex
from pairs.pair import Why, pair_key, pair_text
from rounds.folder import earlier_rounds, round_dir, round_number, run_of
from rounds.rows import PAIRS
from rounds.tables import Row, iter_rows

COLUMNS = ("pair_id", "prompt_id", "prompt", "chosen", "rejected")


class Index(Protocol):
    """Pairs kept so far, in this round and before."""

    def keep(self, names: list[str], texts: list[str]) -> Sequence[Any]:
        """For each text, in order, the hit that it repeats; one without a hit is added."""

    def write(self, kept: Collection[str]) -> None:
        """Write what this round adds for the rounds after it."""


class Duplicates:
    """What a round's pairs repeat. Lies in the index folder of the run, which it updates."""

    def __init__(self, folder: Path, config: PairsConfig) -> None:
        run_dir, number = run_of(folder), round_number(folder)
        earlier = [round_number(done) for done in earlier_rounds(folder)]

        def texts_of(text: Callable[[Row], str]) -> Callable[[int], Iterable[tuple[str, str]]]:
            return lambda done: (
                (row["pair_id"], text(row))
                for row in iter_rows(round_dir(run_dir, done), PAIRS, columns=COLUMNS)
            )

        for stale in (run_dir / "index").glob(f"{number:04d}.*"):
            stale.unlink()  # of an attempt at this round that was killed, or of other settings
        place = (run_dir / "index", number, earlier)
        alike = texts_of(pair_text)
        self._exact = ExactIndex(*place, texts_of(pair_key))
        self._indexes: list[tuple[str, Index]] = []
        if (least := config.near_duplicates) is not None:
            near = PairIndex(*place, alike, least, config.ngram)
            self._indexes.append(("near_duplicate", near))
        if (semantic := config.semantic) is not None:
            meant = SemanticIndex(*place, alike, semantic.embed, semantic.threshold)
            self._indexes.append(("semantic_duplicate", meant))

    def find(self, rows: list[Row]) -> dict[str, Why]:
        """Why pairs are dropped, by pair_id; the others count as kept from now on.

        The earlier of two alike stays: the order of the rows and of the calls matters.
        """
        found: dict[str, Why] = {}
        for row in rows:
            if why := self._there(row):
                found[row["pair_id"]] = why
        for reason, index in self._indexes:
            left = [row for row in rows if row["pair_id"] not in found]
            names = [row["pair_id"] for row in left]
            hits = index.keep(names, [pair_text(row) for row in left])
            for name, hit in zip(names, hits, strict=True):
                if hit is not None:
                    found[name] = Why(reason, _detail(hit))
        return found

    def _there(self, row: Row) -> Why | None:
        """Whether the same pair is there, or the same with the sides changed."""
        key = pair_key(row)
        opposite = pair_key({**row, "chosen": row["rejected"], "rejected": row["chosen"]})
        for reason, text in (("duplicate", key), ("contradicts", opposite)):
            if same := self._exact.find(text):
                return Why(reason, _detail(same))
        self._exact.add(row["pair_id"], key)
        return None

    def write(self, kept: Collection[str]) -> None:
        """Write the pairs that were kept in the end."""
        self._exact.write(kept)
        for _, index in self._indexes:
            index.write(kept)


def _detail(hit: Any) -> str:
    what = {"jaccard": "Jaccard", "cosine": "cosine"}
    alike = [f"{what[at]} {getattr(hit, at):.3f} with " for at in what if hasattr(hit, at)]
    return f"{''.join(alike)}{hit.name} of round {hit.round}"
