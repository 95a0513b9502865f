"""The runs of a folder, one line each: where each stands, without reading its tables."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rounds.errors import UserError
from rounds.files import read_json
from rounds.folder import RUN_FILES, finished_rounds, put_by_hand, round_folders
from rounds.report import outcome_text
from rounds.status import round_state

COLUMNS = ("run", "round", "stage", "state", "last decision", "age")


def runs_status(folder: Path) -> list[dict[str, Any]]:
    """The state of every run of a folder, by name.

    {"run", "round": number, "stage": that is next, or None, "state": running | waiting | stopped |
    interrupted | finished | new, "reason": why it does not go on, or None, "decision": of the last
    finished round, or None, "changed": of its files, ISO 8601, UTC}. Raises UserError where the
    folder holds no run.
    """
    runs = sorted(path.parent for path in folder.glob(RUN_FILES))
    if not runs:
        raise UserError(f"{folder}: no run here, and no folder of runs")
    return [_run(run_dir) for run_dir in runs]


def overview_rows(runs: list[dict[str, Any]], now: datetime) -> list[tuple[str, ...]]:
    """The same as texts, in the order of COLUMNS."""
    return [
        (
            run["run"],
            str(run["round"]) if run["round"] else "",
            run["stage"] or "",
            run["state"] + (f": {run['reason']}" if run["reason"] else ""),
            run["decision"] or "",
            age_text((now - datetime.fromisoformat(run["changed"])).total_seconds()),
        )
        for run in runs
    ]


def age_text(seconds: float) -> str:
    """How long ago, in the unit that fits."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _run(run_dir: Path) -> dict[str, Any]:
    finished, rounds = finished_rounds(run_dir), round_folders(run_dir)
    facts: dict[str, Any] = {"run": run_dir.name, "stage": None, "reason": None, "decision": None}
    facts |= {"round": int(rounds[-1].name) if rounds else 0, "state": "new"}
    if finished:
        facts["decision"] = outcome_text(read_json(finished[-1] / "metrics.json"))
        facts["state"] = "finished"
        if by_hand := put_by_hand(run_dir):
            facts["decision"] += f"; since then {by_hand['action']} by {by_hand['by']}"
    if rounds and rounds[-1] not in finished:
        facts |= _under_way(rounds[-1])
    return {**facts, "changed": _changed(run_dir, rounds)}


def _under_way(folder: Path) -> dict[str, Any]:
    state = round_state(folder)
    if stop := state["stopped"]:
        how = "waiting" if stop["waiting"] else "stopped"
        return {"stage": stop["stage"], "state": how, "reason": stop["reason"]}
    return {"stage": state["next"], "state": "running" if state["process"] else "interrupted"}


def _changed(run_dir: Path, rounds: list[Path]) -> str:
    """When one of its files was last made or written."""
    last = rounds[-1] if rounds else run_dir
    places = [run_dir / "run.yaml", last, last / "work", *last.glob("*"), *last.glob("work/*")]
    newest = max(path.stat().st_mtime for path in places if path.exists())
    return datetime.fromtimestamp(newest, UTC).isoformat(timespec="seconds")
