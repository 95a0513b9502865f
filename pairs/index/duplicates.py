"""Pairs that were there before, in this round or an earlier one: the same, alike, or in meaning;
and such as contradict one that was."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol

from pairs.config import PairsConfig
from pairs.index.exact import ExactIndex
from pairs.index.near_duplicates import NearIndex
from pairs.index.segments import Texts, TextsOfRound
from pairs.index.semantic import SemanticIndex
from pairs.pair import DropReason, PairTexts, pair_key, pair_texts
from rounds.files import remove
from rounds.folder import earlier_rounds, round_dir, round_number, run_of
from rounds.rows import PAIRS, Pair
from rounds.tables import iter_rows

COLUMNS = ("pair_id", "prompt_id", "prompt", "chosen", "rejected")


class Duplicate(Protocol):
    """A kept pair that another repeats."""

    @property
    def detail(self) -> str:
        """Which pair it is and how near, in words."""


class Index(Protocol):
    """Pairs kept so far, in this round and before."""

    def keep(self, pair_ids: list[str], pairs: list[PairTexts]) -> Sequence[Duplicate | None]:
        """For each pair, in order, the one that it repeats; one that repeats none is added."""

    def write(self, kept: Collection[str]) -> None:
        """Write what this round adds for the rounds after it."""


class Duplicates:
    """What a round's pairs repeat. Lies in the index folder of the run, which it updates."""

    def __init__(self, folder: Path, config: PairsConfig) -> None:
        run_dir, number = run_of(folder), round_number(folder)
        earlier = [round_number(done) for done in earlier_rounds(folder)]

        def texts_of(text: Callable[[Pair], Texts]) -> TextsOfRound[Texts]:
            return lambda done: (
                (row["pair_id"], text(row))
                for row in iter_rows(round_dir(run_dir, done), PAIRS, columns=COLUMNS)
            )

        for stale in (run_dir / "index").glob(f"{number:04d}.*"):
            remove(stale)  # of an attempt at this round that was killed, or of other settings
        rounds = (run_dir / "index", number, earlier)
        all_texts = texts_of(pair_texts)
        self._exact = ExactIndex(*rounds, texts_of(pair_key))
        self._indexes: list[tuple[str, Index]] = []
        if (threshold := config.near_duplicates) is not None:
            near = NearIndex(*rounds, all_texts, threshold, config.ngram)
            self._indexes.append(("near_duplicate", near))
        if (semantic := config.semantic) is not None:
            by_meaning = SemanticIndex(*rounds, all_texts, semantic.embed, semantic.threshold)
            self._indexes.append(("semantic_duplicate", by_meaning))

    def find(self, pairs: list[Pair]) -> dict[str, DropReason]:
        """Why pairs are dropped, by pair_id; the others count as kept from now on.

        The earlier of two alike stays: the order of the pairs and of the calls matters.
        """
        drops: dict[str, DropReason] = {}
        for pair in pairs:
            if drop := self._exact_duplicate(pair):
                drops[pair["pair_id"]] = drop
        for reason, index in self._indexes:
            left = [pair for pair in pairs if pair["pair_id"] not in drops]
            pair_ids = [pair["pair_id"] for pair in left]
            duplicates = index.keep(pair_ids, [pair_texts(pair) for pair in left])
            for pair_id, duplicate in zip(pair_ids, duplicates, strict=True):
                if duplicate is not None:
                    drops[pair_id] = DropReason(reason, duplicate.detail)
        return drops

    def write(self, kept: Collection[str]) -> None:
        """Write the pairs that were kept in the end."""
        self._exact.write(kept)
        for _, index in self._indexes:
            index.write(kept)

    def _exact_duplicate(self, pair: Pair) -> DropReason | None:
        """Whether the same pair is there, or the same with the sides changed."""
        key = pair_key(pair)
        opposite = pair_key({**pair, "chosen": pair["rejected"], "rejected": pair["chosen"]})
        for reason, text in (("duplicate", key), ("contradicts", opposite)):
            if duplicate := self._exact.find(text):
                return DropReason(reason, duplicate.detail)
        self._exact.add(pair["pair_id"], key)
        return None
