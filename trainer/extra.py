"""What a round is trained on that it did not make: a warm start, and a replay."""

from collections import Counter
from collections.abc import Iterable
from heapq import nsmallest
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from preferences.config import Data
from rounds.folder import earlier_rounds, manifest, round_number
from rounds.ids import digest
from rounds.rows import PAIRS, PROMPTS
from rounds.tables import Row, iter_rows
from texts.leaks import DEFAULTS, LeakFinder, LeakLimits
from trainer.comparisons import COMPARED_COLUMNS, KnownComparisons, disputed
from trainer.config import ROUNDS, TrainerConfig
from trainer.imported import imported_pairs


class Extra(NamedTuple):
    """Rows of extra.parquet, and how many of what: `warm_start`, `replayed` by where they were
    made, and what was `left_out` by reason.
    """

    rows: list[Row]
    facts: dict[str, Any]


def extra_pairs(
    folder: Path, config: TrainerConfig, own: int, seed: int, limits: LeakLimits = DEFAULTS
) -> Extra:
    """The pairs that the round is trained on beside the `own` ones that it made.

    A pair that repeats or contradicts one of the round, or one that was taken before it, is left
    out; so are imported ones that contradict each other. Imported data is read as streams, twice;
    the pairs that are taken are held in memory, of the others hashes. Raises UserError for imported
    data that is wrong.
    """
    if not (config.warm_start or config.replay):
        return Extra([], {})
    number = round_number(folder)
    earlier = earlier_rounds(folder)
    held_out = LeakFinder(iter_rows(folder, PROMPTS, ["gate", "test"]), limits)
    held_out.shared_with(row["messages"] for row in iter_rows(folder, PROMPTS, ["train"]))
    left_out: Counter[str] = Counter()

    def imported(source: Data, key: str) -> Iterable[Row]:
        rows = imported_pairs(source, key, held_out, left_out)
        fresh = decided.fresh(rows, left_out, both_ways)
        return fresh if source.limit is None else _by_hash(fresh, source.limit, seed)

    due = config.warm_start is not None and warm_start_due(earlier)
    imports = any(due or key != "trainer.warm_start" for key, _ in config.imported)
    both_ways = disputed(config.imported) if imports else set()
    decided = KnownComparisons(iter_rows(folder, PAIRS, columns=COMPARED_COLUMNS))
    warm: list[Row] = []
    if config.warm_start and due:
        warm = list(imported(config.warm_start, "trainer.warm_start"))
        decided.add(warm)
    replayed: list[Row] = []
    if config.replay:
        share = config.replay.share
        wanted = round(share / (1 - share) * (own + len(warm)))
        again: list[Row] = []
        if any(source.data == ROUNDS for source in config.replay.data):
            again = list(decided.fresh(_of_rounds(earlier, wanted, seed, number), left_out))
            decided.add(again)  # before the imported ones: these have the tokens that were sampled
        pools = []
        for source in config.replay.data:
            if source.data == ROUNDS:
                pools.append(again)
            else:
                fresh = imported(source, "trainer.replay.data")
                pools.append(_by_hash(fresh, wanted, seed, number))
                decided.add(pools[-1])
        replayed = _taking_turns(pools, wanted)
    made_by = Counter(row["origin"].partition(", row ")[0] for row in replayed)
    facts = {
        "warm_start": len(warm),
        "replayed": dict(sorted(made_by.items())),
        "left_out": dict(sorted(left_out.items())),
    }
    return Extra(warm + replayed, facts)


def warm_start_due(earlier: Iterable[Path]) -> bool:
    """Whether no policy that was trained with a warm start is in place after these rounds.

    A promoted round whose config has a warm start was trained with it, or stands on one that was.
    """
    made = [manifest(done) or {} for done in earlier]
    return not any(
        facts["decision"]["promoted"] and (facts["config"].get("trainer") or {}).get("warm_start")
        for facts in made
    )


def _of_rounds(earlier: list[Path], wanted: int, *salt: object) -> list[Row]:
    """`wanted` pairs of earlier rounds, by hash; of the others the ids alone are read."""
    ids = (
        (digest("extra", *salt, row["pair_id"]), place, row["pair_id"])
        for place, done in enumerate(earlier)
        for row in iter_rows(done, PAIRS, columns=["pair_id"])
    )
    taken = {(place, name): order for order, place, name in nsmallest(wanted, ids)}
    found: list[tuple[str, Row]] = []
    for place in sorted({place for place, _ in taken}):
        for row in iter_rows(earlier[place], PAIRS):
            if order := taken.get((place, row["pair_id"])):
                found.append((order, row | {"origin": f"round {round_number(earlier[place])}"}))
    return [row for _, row in sorted(found, key=lambda one: one[0])]


def _by_hash(rows: Iterable[Row], most: int, *salt: object) -> list[Row]:
    return nsmallest(most, rows, key=lambda row: digest("extra", *salt, row["pair_id"]))


def _taking_turns(pools: list[list[Row]], most: int) -> list[Row]:
    """One of each pool after another; a pool that runs out leaves its turns to the others."""
    turns = chain.from_iterable(zip_longest(*pools))
    taken = {row["pair_id"]: row for row in turns if row is not None}
    return list(islice(taken.values(), most))
