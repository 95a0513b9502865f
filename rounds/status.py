"""How far a run is: every finished round's metrics, and the stages of the one under way."""

from pathlib import Path
from typing import Any

from rounds.files import read_json
from rounds.folder import open_run, policy_history, read_manifest, round_folders
from rounds.report import STAGES, stage_name
from rounds.stages import stage_stamps


def run_status(run_dir: Path) -> dict[str, Any]:
    """The state of a run as data. Raises UserError where there is no run."""
    open_run(run_dir)
    finished, under_way = [], None
    for folder in round_folders(run_dir):
        if read_manifest(folder) is not None:
            finished.append(read_json(folder / "metrics.json"))
        else:
            done = {stage_name(name) for name in stage_stamps(folder)}
            under_way = {
                "round": int(folder.name),
                "done": [name for name in STAGES if name in done],
                "next": next((name for name in STAGES if name not in done), "finish"),
            }
    history = policy_history(run_dir)
    return {
        "run": run_dir.name,
        "folder": str(run_dir.resolve()),
        "policy": history["current"] if history else None,
        "initial": history["initial"] if history else None,
        "rounds": finished,
        "under_way": under_way,
    }
