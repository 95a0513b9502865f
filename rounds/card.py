"""The README of a run and of an export: a dataset card. `datasets` loads by it, people read it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from rounds.card_text import (
    Manifest,
    command,
    dropped,
    judges,
    made_with,
    policies,
    rounds_table,
    rubrics,
)
from rounds.files import write_text
from rounds.folder import by_people, finished_rounds, next_round, read_manifest
from rounds.schema import OPTIONAL, TABLES, Column
from rounds.tables import table_path

DEFAULT = "pairs"
PLOTS = "plots"
"""The folder of a run with plots of its rounds, which its card shows: see `viewer.report`."""
MARK = "prefloop"
"""The tag by which a card that prefloop wrote is known."""

TAGS = ["trl", "dpo", "preference", "synthetic", MARK]
SIZES = [(1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")]

NOT_FOR_THE_HUB = (
    *("journal.sqlite*", "logs/", "index/", "exports/", "*.tmp"),
    *(".lease/", ".lock", ".proven.json", "on_promotion.json"),
    *("rounds/*/policy/", "rounds/*/work/", "rounds/*/logs/"),
)
"""What stays here when a run folder is pushed: the Hub leaves out what .gitignore names."""


def write_card(run_dir: Path) -> None:
    """Write runs/<name>/README.md from the finished rounds, and what is not for the Hub."""
    rounds = finished_rounds(run_dir)
    manifests = [read_manifest(folder) or {} for folder in rounds]
    others = sorted(TABLES.keys() - {DEFAULT})
    subsets = [_subset(table, rounds) for table in [DEFAULT, *others, *OPTIONAL]]
    intro = (
        f"# {run_dir.name}\n\n"
        "Preference data made by a closed loop: each round the policy in place answered prompts, a "
        "judge\ncompared the answers in both orders, and what it confirmed became pairs. Made with "
        "prefloop.\n\n"
        'In this folder: `load_dataset(".", "pairs", split="round_0001")`. A table without rows\n'
        "is left out. To the Hub: `hf upload OWNER/NAME . . --repo-type dataset`; what stays "
        "here\n(the journal, logs, weights) is in `.gitignore`."
    )
    named = [subset for subset in subsets if subset["data_files"]]
    with_rows = {subset["config_name"] for subset in named}
    described = TABLES | {name: OPTIONAL[name] for name in OPTIONAL.keys() & with_rows}
    columns = [part for table in described for part in _columns(table, described[table])]
    write_text(
        run_dir / "README.md",
        _card(named, intro, manifests, [*_plots(run_dir), *columns], by_people(run_dir)),
    )
    under_way = f"rounds/{next_round(run_dir).name}/"
    write_text(run_dir / ".gitignore", "\n".join([*NOT_FOR_THE_HUB, under_way]) + "\n")


def export_card(
    intro: str,
    files: Sequence[tuple[str, str]],
    manifests: Sequence[Manifest],
    columns: Sequence[Column],
    exported_by: str,
) -> str:
    """The card of an export: `files` are (split, path), `manifests` are those of its rounds."""
    named = [{"split": split, "path": path} for split, path in files]
    subset = {"config_name": "default", "default": True, "data_files": named}
    also = [*command("Exported by", exported_by), *_columns("Columns", columns)]
    return _card([subset], intro, manifests, also)


def _card(
    subsets: list[dict[str, Any]],
    intro: str,
    manifests: Sequence[Manifest],
    also: list[str],
    by_hand: Sequence[Any] = (),
) -> str:
    pairs = sum(facts["counts"]["pairs"] for facts in manifests)
    size = next((name for bound, name in SIZES if pairs < bound), "n>1M")
    front = {"tags": TAGS, "size_categories": [size], "configs": subsets}
    parts = [
        f"---\n{yaml.safe_dump(front, sort_keys=False).strip()}\n---",
        intro,
        *policies(manifests, by_hand),
        *judges(manifests),
        *rounds_table(manifests),
        *dropped(manifests),
        *rubrics(manifests),
        *made_with(manifests),
        *also,
    ]
    return "\n\n".join(parts) + "\n"


def _subset(table: str, rounds: list[Path]) -> dict[str, Any]:
    files = [
        {"split": f"round_{folder.name}", "path": f"rounds/{folder.name}/{table}.parquet"}
        for folder in rounds
        if table_path(folder, table).exists()
        and pq.read_metadata(table_path(folder, table)).num_rows  # `datasets` loads no empty table
    ]
    subset: dict[str, Any] = {"config_name": table, "data_files": files}
    return {**subset, "default": True} if table == DEFAULT else subset


def _plots(run_dir: Path) -> list[str]:
    """The plots that are in the run's folder."""
    names = sorted(path.stem for path in (run_dir / PLOTS).glob("*.svg"))
    shown = [f"![{name.replace('_', ' ')}]({PLOTS}/{name}.svg)" for name in names]
    return ["## Plots", "\n".join(shown)] if shown else []


def _columns(title: str, columns: Sequence[Column]) -> list[str]:
    if not columns:
        return []
    rows = [f"| `{column.name}` | {column.meaning} |" for column in columns]
    return [f"## {title}", "\n".join(["| column | meaning |", "|---|---|", *rows])]
