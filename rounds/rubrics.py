"""The rubrics that the verdicts of a round were given by, word for word."""

from pathlib import Path
from typing import Any

from rounds.ids import text_hash
from rounds.tables import iter_batches, table_path

STAGES = {"judge": "judge.rubrics", "judge_held_out": "gate.judge.rubrics"}
"""The stages whose facts hold the texts of their rubrics by kind, and where a config names them."""


def rubrics_used(folder: Path, stages: dict[str, Any]) -> list[dict[str, str]]:
    """Name, hash and text of every rubric that a verdict of the round names, each text once."""
    asked = _hashes(folder)
    found: dict[str, dict[str, str]] = {}
    for stage, where in STAGES.items():
        texts = stages.get(stage, {}).get("facts", {}).get("rubrics", {})
        for kind, text in texts.items():
            if (named := text_hash(text)) in asked:
                rubric = {"name": f"{where}.{kind}", "hash": named, "text": text}
                found.setdefault(named, rubric)
    return list(found.values())


def _hashes(folder: Path) -> set[str]:
    batches = iter_batches(table_path(folder, "verdicts"), "verdicts", columns=["rubric_hash"])
    return {name for batch in batches for name in batch["rubric_hash"].unique().to_pylist()}
