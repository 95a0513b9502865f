"""A round's judged prompts, traced: both answers, every verdict, why kept or dropped."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rounds.errors import UserError
from rounds.folder import open_run, round_dir, round_folders
from rounds.tables import Row, read_rows, table_path


def judged(run_dir: Path, number: int, dropped: bool, pair: str | None) -> Iterator[dict[str, Any]]:
    """The pairs of a round (or its dropped rows, or one by id) with everything behind each.

    Raises UserError for a run, round or pair that is not there.
    """
    folder = round_dir(open_run(run_dir), number)
    if not table_path(folder, "pairs").exists():
        there = ", ".join(str(int(path.name)) for path in round_folders(run_dir)) or "none"
        state = "is not judged yet" if folder.is_dir() else f"is not there (rounds there: {there})"
        raise UserError(f"{run_dir}: round {number} {state}")
    rows = read_rows(folder, "pairs"), read_rows(folder, "dropped")
    wanted = [*rows[0], *rows[1]] if pair else rows[1] if dropped else rows[0]
    if pair:
        wanted = [row for row in wanted if row["pair_id"].startswith(pair)]
        if not wanted:
            raise UserError(
                f"{folder}: no pair {pair}; ids are in pairs.parquet and dropped.parquet"
            )
    candidates = {row["candidate_id"]: row for row in read_rows(folder, "candidates", ["train"])}
    verdicts = {row["verdict_id"]: row for row in read_rows(folder, "verdicts", ["train"])}
    if any(name not in verdicts for row in wanted for name in row["verdict_ids"]) or any(
        name not in candidates for row in wanted for name in row["candidate_ids"]
    ):
        raise UserError(
            f"{folder}: this round is under way and its pairs are of an earlier attempt; run it "
            "to its end first"
        )
    for row in wanted:
        yield _traced(row, candidates, verdicts)


def _traced(row: Row, candidates: dict[str, Row], verdicts: dict[str, Row]) -> dict[str, Any]:
    behind = [verdicts[name] for name in row["verdict_ids"]]
    answers = {name: candidates[name] for name in row["candidate_ids"]}
    losers = [
        candidate
        for name, candidate in candidates.items()
        if candidate["prompt_id"] == row["prompt_id"] and name not in answers
    ]
    return {
        **row,
        "kept": "reason" not in row,
        "reason": row.get("reason"),
        "candidates": list(answers.values()),
        "other_candidates": losers,
        "verdicts": behind,
    }
