"""What a round says about its cleaning, even where nothing was found."""

from pathlib import Path
from typing import Any

import pytest
from builders import finished

from rounds.files import read_json
from rounds.report import round_lines


def told(run_dir: Path, **counts: Any) -> str:
    """The line of a finished round, with other counts of what was dropped."""
    metrics = read_json(finished(run_dir) / "metrics.json")
    metrics["counts"]["dropped"] |= counts
    return dict(round_lines(metrics))["cleaning"]


def test_near_duplicates_contamination_and_the_guard_are_reported_at_0(run_dir: Path):
    zero = "near duplicates 0, contamination 0, chosen longer by +33%, length guard 0"
    assert told(run_dir) == zero


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        (
            {"near_duplicate": 3, "held_out_prompt": 1, "held_out_near": 2, "held_out_overlap": 4},
            "near duplicates 3, contamination 7, chosen longer by +33%, length guard 0",
        ),
        (
            {"length_guard": 5},
            "near duplicates 0, contamination 0, chosen longer by +33% (+33% with the 5 that the "
            "length guard took)",
        ),
    ],
)
def test_what_was_found_is_counted(run_dir: Path, counts: dict[str, int], line: str):
    assert told(run_dir, **counts) == line


def test_metrics_say_what_became_of_every_candidate(run_dir: Path):
    counts = read_json(finished(run_dir) / "metrics.json")["counts"]
    assert counts["candidate_fates"] == {"abstain:flip": 2, "not_compared": 2, "pair": 2}
    assert sum(counts["candidate_fates"].values()) == counts["candidates"]
