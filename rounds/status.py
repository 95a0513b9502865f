"""How far a run is: every finished round's metrics, and the one under way: its stages, what it has
so far, and why it stopped if it did."""

from pathlib import Path
from typing import Any

from rounds.at_work import gone, holder
from rounds.folder import (
    open_run,
    policy_history,
    read_manifest,
    read_metrics,
    round_dir,
    round_folders,
    run_config,
    run_of,
)
from rounds.health_lines import Lines, health_lines
from rounds.progress import progress_text, read_progress
from rounds.report import STAGES, partial_text, stage_name
from rounds.stages import stage_stamps
from rounds.stopped import Bound, Stop, read_stop
from rounds.win_rate_lines import people_lines

ENDED = "no process is working on it: run the same command again"
"""Of a round that was killed."""
TRAINING_STAGES = ("train", "sample_held_out", "sample_suites", "judge_held_out", "gate")
"""The stages of a round that trains."""


def run_status(run_dir: Path) -> dict[str, Any]:
    """The state of a run as data. Raises UserError where there is no run."""
    open_run(run_dir)
    finished, under_way = [], None
    for folder in round_folders(run_dir):
        if read_manifest(folder) is not None:
            finished.append(read_metrics(folder))
        else:
            under_way = round_state(folder)
    history = policy_history(run_dir)
    return {
        "run": run_dir.name,
        "folder": str(run_dir.resolve()),
        "policy": history["current"] if history else None,
        "initial": history["initial"] if history else None,
        "by_hand": history.get("by_hand", []) if history else [],
        "rounds": finished,
        "under_way": under_way,
    }


def state_of(run_dir: Path, number: int) -> dict[str, Any] | None:
    """`round_state` of a round by its number; None where it is finished or not there."""
    folder = round_dir(run_dir, number)
    begun = (folder / "work").is_dir() and read_manifest(folder) is None
    return round_state(folder) if begun else None


def round_state(folder: Path) -> dict[str, Any]:
    """The state of a round under way.

    {"round", "done": stages, "next": stage, "stopped": rounds.stopped.Stop, "waiting": what it
    waits for, "process": the id of the one at work, "gone": the one that ended without a word,
    "progress": how far its stage is, "verdicts": counts of the labels, "partial": what a budget
    left out, "judge": its measures}; None where there is none, or none yet.
    """
    stamps = stage_stamps(folder)
    facts = {stage_name(name): stamp["facts"] for name, stamp in stamps.items()}
    planned = planned_stages(folder, facts)
    stopped = read_stop(folder)
    labels, gold = facts.get("judge"), facts.get("gold") or {}
    health = (facts.get("health") or {}).get("health")
    measured = health is not None or gold.get("gold") is not None
    ended = stopped["stage"] if stopped else None  # a judge out of bounds has a stamp all the same
    done = [name for name in planned if name in facts and name != ended]
    return {
        "round": int(folder.name),
        "done": done,
        "next": next((name for name in planned if name not in done), "finish"),
        "stopped": stopped,
        "waiting": stopped["waiting"] if stopped else None,
        "process": holder(run_of(folder)),
        "gone": gone(run_of(folder)),
        "progress": read_progress(folder),
        "verdicts": {name: labels[name] for name in ("verdicts", "outcomes", "abstained")}
        if labels
        else None,
        "partial": labels.get("partial") if labels else None,
        "judge": {"health": health, "gold": gold.get("gold")} if measured else None,
    }


def state_text(state: dict[str, Any]) -> str:
    """The state of a round under way in one sentence, without its figures."""
    done = ", ".join(state["done"]) or "nothing"
    text = f"{done} done, next {state['next']}"
    if stopped := state["stopped"]:
        text += f"; {_ended(stopped)} at {stopped['stage']}: {stopped['reason']}"
    elif state["process"] is None:
        text += f"; {_nobody(state)}"
    return text


def state_lines(state: dict[str, Any]) -> Lines:
    """A round under way as a table of (what, how much)."""
    lines = [("done", ", ".join(state["done"]) or "nothing"), ("next", state["next"])]
    if stopped := state["stopped"]:
        lines += [
            (_ended(stopped), f"at {stopped['stage']}, {stopped['at']}: {stopped['reason']}"),
            ("to go on", stopped["then"]),
        ]
    else:
        process = state["process"]
        lines.append(("process", f"{process} is working on it" if process else _nobody(state)))
        if process and (progress := state.get("progress")):
            lines.append(("progress", progress_text(progress)))
    if verdicts := state["verdicts"]:
        abstained = verdicts["abstained"].items()
        why = ", ".join(f"{reason} {n}" for reason, n in abstained)
        count = f"{verdicts['verdicts']} ({sum(n for _, n in abstained)} abstentions"
        lines.append(("verdicts", f"{count}{': ' if why else ''}{why})"))
    if partial := state["partial"]:
        lines.append(("partial", partial_text(partial)))
    if judge := state["judge"]:
        lines += health_lines(judge["health"], judge["gold"])
    if waiting := state["waiting"]:
        lines += people_lines(waiting)
    if stopped:
        lines += [(f"bound {bound['name']}", _bound(bound)) for bound in stopped["bounds"]]
    return lines


def _nobody(state: dict[str, Any]) -> str:
    """Who worked on a round that nobody works on, where that process ended without a word."""
    who = state.get("gone")
    return f"{ENDED} (process {who}, ended without a word)" if who else ENDED


def _ended(stopped: Stop) -> str:
    return "waiting" if stopped["waiting"] else "stopped"


def _bound(bound: Bound) -> str:
    text = f"{bound['value']:.3f} of {bound['n']}, at {bound['side']} {bound['limit']:g}"
    return text + (" BROKEN: " if bound["crossed"] else ": ") + bound["description"]


def planned_stages(folder: Path, facts: dict[str, Any]) -> list[str]:
    """The stages that this round has, by its config and by what came of it so far."""
    tree = run_config(run_of(folder))
    without: set[str] = set()
    if not (tree.get("judge") or {}).get("gold"):
        without.add("gold")
    if not (tree.get("gate") or {}).get("suites"):
        without.add("sample_suites")
    if tree.get("trainer", {}) is None or (facts.get("pairs") or {}).get("kept") == 0:
        without |= set(TRAINING_STAGES)
    return [name for name in STAGES if name not in without]
