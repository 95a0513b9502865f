"""What was watched of a training stands on the round's page and over the rounds of the run."""

from pathlib import Path
from typing import Any

from builders import finished
from inspected import pages

from rounds.files import read_json, write_json
from viewer.report import report

POINT = {"loss": 0.6, "grad_norm": 2.0, "logps/chosen": -9.0, "logps/rejected": -12.0}


def watched(folder: Path) -> None:
    """Give a round the figures of one that was trained."""
    side = {"mean_characters": 9.0, "mean_tokens": 3.0, "distinct_2": 0.5, "self_similarity": 0.1}
    train: dict[str, Any] = {
        "curves": [{"step": step, **POINT} for step in (1, 2)],
        "steps": 2,
        "pairs": 1,
        "held_out_accuracy": 0.75,
        "kl_per_token": 0.01,
        "warnings": ["the chosen answers became less likely: 0.20 nats a token"],
    }
    answers = {"n": 30, "trained": side, "initial": side, "collapsed": None}
    path = folder / "metrics.json"
    write_json(path, read_json(path) | {"train": train, "answers": answers, "alarms": ["mode"]})


def test_curves_and_warnings_are_shown(run_dir: Path):
    folder = finished(run_dir)
    watched(folder)
    asked = pages(run_dir)
    page, plots = asked.get("round/1").text, asked.get("round/1/plots").text
    assert "became less likely" in page and ">mode<" in page
    for title in ("gradient norm", "log-probability of answers"):
        assert f'aria-label="training: {title}"' in plots
    over_rounds = asked.get("plots").text
    for title in ("held-out preference accuracy", "distinct-2 of held-out answers"):
        assert f'aria-label="{title}"' in over_rounds
    whole = report(run_dir)
    assert "self-similarity of held-out answers" in whole and "became less likely" in whole


def test_a_round_of_before_has_none_of_it(run_dir: Path):
    finished(run_dir)
    asked = pages(run_dir)
    assert "gradient norm" not in asked.get("round/1/plots").text
    assert "distinct-2" not in asked.get("plots").text
