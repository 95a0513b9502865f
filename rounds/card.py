"""The README of a run: a dataset card that lets `datasets` load every round, and people read it."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from rounds.files import write_text
from rounds.folder import finished_rounds, manifest
from rounds.schema import TABLES
from rounds.tables import table_path

DEFAULT = "pairs"


def write_card(run_dir: Path) -> None:
    """Write runs/<name>/README.md from the finished rounds."""
    rounds = finished_rounds(run_dir)
    subsets = [_subset(table, rounds) for table in [DEFAULT, *sorted(TABLES.keys() - {DEFAULT})]]
    front = {
        "tags": ["trl", "dpo", "preference", "synthetic", "prefloop"],
        "configs": [subset for subset in subsets if subset["data_files"]],
    }
    body = ["---", yaml.safe_dump(front, sort_keys=False).strip(), "---", "", _title(run_dir), ""]
    body += [_line(manifest(folder) or {}) for folder in rounds]
    for table, columns in TABLES.items():
        body += ["", f"## {table}", "", "| column | meaning |", "|---|---|"]
        body += [f"| `{column.name}` | {column.meaning} |" for column in columns]
    write_text(run_dir / "README.md", "\n".join(body) + "\n")


def _subset(table: str, rounds: list[Path]) -> dict[str, Any]:
    files = [
        {"split": f"round_{folder.name}", "path": f"rounds/{folder.name}/{table}.parquet"}
        for folder in rounds
        if pq.read_metadata(table_path(folder, table)).num_rows  # `datasets` loads no empty table
    ]
    subset: dict[str, Any] = {"config_name": table, "data_files": files}
    return {**subset, "default": True} if table == DEFAULT else subset


def _title(run_dir: Path) -> str:
    return (
        f"# {run_dir.name}\n\n"
        "Preference data made by a closed loop: each round the policy in place answered prompts, a "
        "judge\ncompared the answers in both orders, and what it confirmed became pairs. Made with "
        "prefloop.\n\n"
        'In this folder: `load_dataset(".", "pairs", split="round_0001")`. A table without rows\n'
        "is left out.\n"
    )


def _line(facts: dict[str, Any]) -> str:
    counts = facts["counts"]
    promoted = "promoted" if facts["decision"]["promoted"] else "not promoted"
    trained = f"The policy trained on them was {promoted}."
    decision = trained if facts["trained"] else "Nothing was trained on them."
    dropped = ", ".join(f"{reason} {n}" for reason, n in sorted(counts["dropped"].items()))
    return (
        f"- Round {facts['round']}: {counts['candidates']} candidates by policy "
        f"`{facts['policy']['policy_id']}`, judged by `{facts['judge_id']}`; "
        f"{counts['pairs']} pairs kept, dropped: {dropped or 'none'}. "
        f"{decision}"
    )
