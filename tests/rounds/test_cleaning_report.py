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
            "near duplicates 0, contamination 0, chosen longer by +33%, length guard 5",
        ),
    ],
)
def test_what_was_found_is_counted(run_dir: Path, counts: dict[str, int], line: str):
    assert told(run_dir, **counts) == line


@pytest.mark.parametrize(
    ("lengths", "said"),
    [
        (
            {"before": 0.581, "after": 0.414, "of": 120, "bound": 0.25, "share": 0.1},
            "took 12 of 120 pairs (10%): chosen longer by +58% before, +41% after; beyond "
            "pairs.length_guard 0.25, for it takes at most 10% (pairs.length_guard_share)",
        ),
        (
            {"before": -0.3, "after": -0.25, "of": 120, "bound": 0.25, "share": 0.1},
            "took 12 of 120 pairs (10%): chosen longer by -30% before, -25% after",
        ),
        ({"before": 0.3, "after": 0.2}, "took 12: chosen longer by +30% before, +20% after"),
    ],
)
def test_the_table_says_what_the_guard_cost(run_dir: Path, lengths: dict[str, Any], said: str):
    metrics = read_json(finished(run_dir) / "metrics.json")
    assert dict(round_lines(metrics))["length guard"].startswith("took none of 1 pairs, too few")
    metrics["counts"]["dropped"]["length_guard"] = 12
    metrics["length_difference"] = lengths
    assert dict(round_lines(metrics))["length guard"] == said


def test_metrics_say_what_became_of_every_candidate(run_dir: Path):
    counts = read_json(finished(run_dir) / "metrics.json")["counts"]
    assert counts["candidate_fates"] == {"abstain:flip": 2, "not_compared": 2, "pair": 2}
    assert sum(counts["candidate_fates"].values()) == counts["candidates"]


def test_a_guard_that_has_too_few_pairs_to_go_by_says_so(run_dir: Path):
    metrics = read_json(finished(run_dir) / "metrics.json")
    metrics["length_difference"] = {"before": 0.4, "after": 0.4, "of": 14, "bound": 0.25}
    said = dict(round_lines(metrics))["length guard"]
    assert said == "took none of 14 pairs, too few: chosen longer by +40%"
    metrics["length_difference"]["before"] = -0.2
    assert "length guard" not in dict(round_lines(metrics))
