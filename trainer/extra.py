"""What a round is trained on that it did not make: a warm start, and a replay."""

from collections import Counter
from collections.abc import Iterable
from heapq import nsmallest
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from preferences.config import Data
from rounds.folder import (
    earlier_rounds,
    read_manifest,
    read_round_start,
    round_number,
    run_of,
)
from rounds.ids import digest
from rounds.lineage import ancestry
from rounds.rows import HELD_OUT, PAIRS, PROMPTS, ExtraPair
from rounds.tables import iter_rows
from texts.leaks import DEFAULT_LIMITS, LeakFinder, LeakLimits
from trainer.comparisons import COMPARED_COLUMNS, KnownComparisons, disputed_comparisons
from trainer.config import TrainerConfig
from trainer.imported import imported_pairs
from trainer.taught_config import ROUNDS


class Extra(NamedTuple):
    """Rows of extra.parquet, and how many of what: `warm_start`, `replayed` by where they were
    made, and what was `left_out` by reason.
    """

    rows: list[ExtraPair]
    facts: dict[str, Any]


def extra_pairs(
    folder: Path, config: TrainerConfig, own: int, seed: int, limits: LeakLimits = DEFAULT_LIMITS
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
    held_out = LeakFinder(iter_rows(folder, PROMPTS, HELD_OUT), limits)
    held_out.discount_shared(row["messages"] for row in iter_rows(folder, PROMPTS, ["train"]))
    left_out: Counter[str] = Counter()
    warm_start = config.warm_start
    policy_id = read_round_start(folder)["policy"]["policy_id"]
    if warm_start and not warm_start_due(ancestry(run_of(folder), policy_id, number)):
        warm_start = None
    imports = warm_start or any(key != "trainer.warm_start" for key, _ in config.imported)
    disputed = disputed_comparisons(config.imported) if imports else set()
    tokens = tuple(read_round_start(folder).get("control_tokens", ()))
    own_pairs = iter_rows(folder, PAIRS, columns=COMPARED_COLUMNS)
    known = KnownComparisons(own_pairs)

    def imported(source: Data, key: str) -> Iterable[ExtraPair]:
        pairs = imported_pairs(source, key, held_out, left_out, tokens)
        fresh = known.fresh(pairs, left_out, disputed)
        return fresh if source.limit is None else _by_hash(fresh, source.limit, seed)

    warm: list[ExtraPair] = []
    if warm_start:
        warm = list(imported(warm_start, "trainer.warm_start"))
        known.add(warm)
    replayed: list[ExtraPair] = []
    if config.replay:
        share = config.replay.share
        wanted = round(share / (1 - share) * (own + len(warm)))
        of_rounds: list[ExtraPair] = []
        if any(source.data == ROUNDS for source in config.replay.data):
            last = earlier[-config.replay.last :] if config.replay.last else earlier
            of_rounds = list(known.fresh(_of_rounds(last, wanted, seed, number), left_out))
            known.add(of_rounds)  # before the imported ones: these have the tokens sampled
        pools = []
        for source in config.replay.data:
            if source.data == ROUNDS:
                pools.append(of_rounds)
            else:
                fresh = imported(source, "trainer.replay.data")
                pools.append(_by_hash(fresh, wanted, seed, number))
                known.add(pools[-1])
        replayed = _taking_turns(pools, wanted)
    made_by = Counter(row["origin"].partition(", row ")[0] for row in replayed)
    facts = {
        "warm_start": len(warm),
        "replayed": dict(sorted(made_by.items())),
        "left_out": dict(sorted(left_out.items())),
    }
    return Extra(warm + replayed, facts)


def warm_start_due(standing: Iterable[Path]) -> bool:
    """Whether none of these rounds, whose policies the one in place came from, trained with a warm
    start (rounds.lineage.ancestry). One that was refused, or rolled back, is not among them.
    """
    manifests = [read_manifest(folder) or {} for folder in standing]
    return not any((facts["config"].get("trainer") or {}).get("warm_start") for facts in manifests)


def _of_rounds(earlier: list[Path], wanted: int, *salt: object) -> list[ExtraPair]:
    """`wanted` pairs of earlier rounds, by hash; of the others the ids alone are read."""
    ids = (
        (digest("extra", *salt, row["pair_id"]), place, row["pair_id"])
        for place, folder in enumerate(earlier)
        for row in iter_rows(folder, PAIRS, columns=["pair_id"])
    )
    rank_of = {(place, name): rank for rank, place, name in nsmallest(wanted, ids)}
    ranked: list[tuple[str, ExtraPair]] = []
    for place in sorted({place for place, _ in rank_of}):
        origin = f"round {round_number(earlier[place])}"
        for row in iter_rows(earlier[place], PAIRS):
            if rank := rank_of.get((place, row["pair_id"])):
                ranked.append((rank, {**row, "origin": origin}))
    return [row for _, row in sorted(ranked, key=lambda ranked_row: ranked_row[0])]


def _by_hash(rows: Iterable[ExtraPair], most: int, *salt: object) -> list[ExtraPair]:
    return nsmallest(most, rows, key=lambda row: digest("extra", *salt, row["pair_id"]))


def _taking_turns(pools: list[list[ExtraPair]], most: int) -> list[ExtraPair]:
    """One of each pool after another; a pool that runs out leaves its turns to the others."""
    turns = chain.from_iterable(zip_longest(*pools))
    taken = {row["pair_id"]: row for row in turns if row is not None}
    return list(islice(taken.values(), most))
