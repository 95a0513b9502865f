"""Reading the data files of the benchmarks."""

from pathlib import Path
from typing import Any

from texts.json_lines import json_lines


def recorded_rows(path: Path) -> list[Any]:
    """The rows of a JSONL file, gzipped or not. Raises ValueError for a line that is no JSON."""
    lines = list(json_lines(path))
    for line in lines:
        if line.fault:
            raise ValueError(f"{path}, line {line.number}: {line.fault}")
    return [line.value for line in lines]
