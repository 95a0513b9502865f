"""A round's pairs and dropped pairs, traced: both answers, every verdict, why kept or dropped."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TypedDict

from rounds.errors import UserError
from rounds.folder import open_run, read_manifest, round_dir, round_folders
from rounds.grouped import grouped
from rounds.rows import (
    CANDIDATES,
    DROPPED,
    PAIRS,
    VERDICTS,
    AnyRow,
    Candidate,
    DroppedPair,
    Pair,
    Table,
    Verdict,
)
from rounds.show_judged import JudgedPair, judged_so_far
from rounds.stages import stage_stamps
from rounds.status import round_state, state_text
from rounds.tables import iter_rows

MOST_NAMED = 5
"""Pairs that are named where an id's beginning fits several."""


class Evidence(TypedDict):
    """What is behind a pair: its candidates, the others of the prompt, and the verdicts on it."""

    candidates: list[Candidate]
    other_candidates: list[Candidate]
    verdicts: list[Verdict]


class TracedPair(Pair, Evidence):
    """A kept pair (`kept` is true, `reason` None) with what is behind it."""

    kept: bool
    reason: str | None


class TracedDropped(DroppedPair, Evidence):
    """A dropped pair (`kept` is false) with what is behind it."""

    kept: bool


Traced = TracedPair | TracedDropped | JudgedPair


def traced_pairs(run_dir: Path, number: int, dropped: bool, pair: str | None) -> Iterator[Traced]:
    """The pairs of a round (or its dropped rows, or one by id) with everything behind each.

    Of a round under way that has no pairs yet: what its judge has said so far. The tables are read
    as streams; some thousand rows and the ids of the prompts are held. Raises UserError for a run,
    round or pair that is not there.
    """
    folder = round_dir(open_run(run_dir), number)
    if not folder.is_dir():
        known = ", ".join(str(int(path.name)) for path in round_folders(run_dir)) or "none"
        raise UserError(f"{run_dir}: round {number} is not there (rounds there: {known})")
    if read_manifest(folder) is None and "pairs" not in stage_stamps(folder):
        yield from _judged(run_dir, folder, pair or "")
        return
    show_kept, show_dropped = bool(pair) or not dropped, bool(pair) or dropped
    prefix = _one_pair(folder, pair) if pair else ""
    prompt_ids = list(
        dict.fromkeys(
            chain(
                _prompt_ids(folder, PAIRS, prefix) if show_kept else (),
                _prompt_ids(folder, DROPPED, prefix) if show_dropped else (),
            )
        )
    )
    for rows in zip(
        grouped(folder, CANDIDATES, prompt_ids, ["train"]),
        grouped(folder, VERDICTS, prompt_ids, ["train"]),
        grouped(folder, PAIRS, prompt_ids) if show_kept else ([] for _ in prompt_ids),
        grouped(folder, DROPPED, prompt_ids) if show_dropped else ([] for _ in prompt_ids),
        strict=True,
    ):
        try:
            traced = list(_traced(*rows, prefix))
        except KeyError as error:
            raise UserError(
                f"{folder}: this round is under way and its pairs are of an earlier attempt; run "
                "it to its end first"
            ) from error
        yield from traced


def _judged(run_dir: Path, folder: Path, prefix: str) -> Iterator[JudgedPair]:
    rows = judged_so_far(folder, int(folder.name), prefix)
    first = next(rows, None)
    if first is None:
        what = f"no comparison {prefix} there" if prefix else "nothing is judged yet"
        state = state_text(round_state(folder))
        raise UserError(f"{run_dir}: round {int(folder.name)} is under way, {what}: {state}")
    yield first
    yield from rows


def _one_pair(folder: Path, prefix: str) -> str:
    """The id of the one pair whose id begins with `prefix`; UserError where it is not one."""
    kept = iter_rows(folder, PAIRS, columns=["pair_id"])
    lost = iter_rows(folder, DROPPED, columns=["pair_id"])
    ids = chain((row["pair_id"] for row in kept), (row["pair_id"] for row in lost))
    found = sorted({name for name in ids if name.startswith(prefix)})
    if not found:
        raise UserError(f"{folder}: no pair {prefix}; ids are in pairs.parquet and dropped.parquet")
    if len(found) > 1 and found[0] != prefix:
        some = ", ".join(found[:MOST_NAMED]) + (", ..." if len(found) > MOST_NAMED else "")
        raise UserError(
            f"--pair {prefix}: {len(found)} pairs of this round begin so ({some}); give more of "
            "the id"
        )
    return found[0]


def _prompt_ids(folder: Path, table: Table[AnyRow], prefix: str) -> Iterator[str]:
    """The prompts of the rows whose pair_id begins with `prefix`."""
    rows = iter_rows(folder, table, columns=["pair_id", "prompt_id"])
    return (row["prompt_id"] for row in rows if row["pair_id"].startswith(prefix))


def _traced(
    candidates: list[Candidate],
    verdicts: list[Verdict],
    pairs: list[Pair],
    dropped: list[DroppedPair],
    prefix: str,
) -> Iterator[Traced]:
    """The rows of a prompt whose pair_id begins with `prefix`, with what is behind each.

    Raises KeyError where a candidate or a verdict is not there.
    """
    candidate_of = {row["candidate_id"]: row for row in candidates}
    verdict_of = {row["verdict_id"]: row for row in verdicts}

    def evidence(row: Pair | DroppedPair) -> Evidence:
        considered = {name: candidate_of[name] for name in row["candidate_ids"]}
        return {
            "candidates": list(considered.values()),
            "other_candidates": [
                candidate for name, candidate in candidate_of.items() if name not in considered
            ],
            "verdicts": [verdict_of[name] for name in row["verdict_ids"]],
        }

    for pair in pairs:
        if pair["pair_id"].startswith(prefix):
            yield {**pair, "kept": True, "reason": None, **evidence(pair)}
    for lost in dropped:
        if lost["pair_id"].startswith(prefix):
            yield {**lost, "kept": False, **evidence(lost)}
