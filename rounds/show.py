"""A round's judged prompts, traced: both answers, every verdict, why kept or dropped."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from rounds.errors import UserError
from rounds.folder import open_run, round_dir, round_folders
from rounds.grouped import grouped
from rounds.tables import Row, iter_rows, table_path


def judged(run_dir: Path, number: int, dropped: bool, pair: str | None) -> Iterator[dict[str, Any]]:
    """The pairs of a round (or its dropped rows, or one by id) with everything behind each.

    The tables are read as streams; some thousand rows and the ids of the prompts are held.
    Raises UserError for a run, round or pair that is not there.
    """
    folder = round_dir(open_run(run_dir), number)
    if not table_path(folder, "pairs").exists():
        there = ", ".join(str(int(path.name)) for path in round_folders(run_dir)) or "none"
        state = "is not judged yet" if folder.is_dir() else f"is not there (rounds there: {there})"
        raise UserError(f"{run_dir}: round {number} {state}")
    tables = ["pairs", "dropped"] if pair else ["dropped"] if dropped else ["pairs"]
    prompts = {
        row["prompt_id"]: None
        for table in tables
        for row in iter_rows(folder, table, columns=["pair_id", "prompt_id"])
        if row["pair_id"].startswith(pair or "")
    }
    if pair and not prompts:
        raise UserError(f"{folder}: no pair {pair}; ids are in pairs.parquet and dropped.parquet")
    ids = list(prompts)
    behind = [grouped(folder, table, ids, ["train"]) for table in ("candidates", "verdicts")]
    decided = [grouped(folder, table, ids) for table in tables]
    for candidates, verdicts, *rows in zip(*behind, *decided, strict=True):
        for row in chain.from_iterable(rows):
            if row["pair_id"].startswith(pair or ""):
                try:
                    found = _traced(row, candidates, verdicts)
                except KeyError as error:
                    raise UserError(
                        f"{folder}: this round is under way and its pairs are of an earlier "
                        "attempt; run it to its end first"
                    ) from error
                yield found


def _traced(row: Row, candidates: list[Row], verdicts: list[Row]) -> dict[str, Any]:
    """The row with what is behind it, of the candidates and verdicts of its prompt.

    Raises KeyError for one that is not there.
    """
    answers = {each["candidate_id"]: each for each in candidates}
    said = {each["verdict_id"]: each for each in verdicts}
    compared = {name: answers[name] for name in row["candidate_ids"]}
    return {
        **row,
        "kept": "reason" not in row,
        "reason": row.get("reason"),
        "candidates": list(compared.values()),
        "other_candidates": [each for name, each in answers.items() if name not in compared],
        "verdicts": [said[name] for name in row["verdict_ids"]],
    }
