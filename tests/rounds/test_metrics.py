"""metrics.json beside what the tables say: calls of other stages, and the lines that show them."""

from pathlib import Path
from typing import Any

import pytest
from builders import REFUSED, begun, finished

from rounds.files import read_json
from rounds.metrics import round_metrics
from rounds.report import round_lines
from rounds.schema import TABLES
from rounds.stages import run_stage, stage_stamps
from rounds.usage import note_forgotten

CALLS = {
    **{"calls": 3, "prompt_tokens": 1200, "completion_tokens": 50, "cost": 0.25},
    **{"cached_tokens": 600, "estimated": 1},
}
NONE = dict.fromkeys(CALLS, 0)


def metrics(run_dir: Path, **facts: dict[str, Any]) -> dict[str, Any]:
    """The metrics of an empty round whose stages left these facts."""
    folder = begun(run_dir, **{table: [] for table in TABLES})
    stages = {"prompts": {"train": 0, "left": 0}, "sample": {"tokens": 7}} | facts
    for name, found in stages.items():
        run_stage(folder, name, "k", lambda found=found: found)  # type: ignore[misc]
    return round_metrics(folder, stage_stamps(folder), REFUSED)


def test_calls_of_a_hosted_policy_are_added_over_its_stages(run_dir: Path):
    found = metrics(
        run_dir,
        sample={"tokens": 7, "sampler_usage": CALLS},
        **{"sample_held_out-ab": {"tokens": 5, "sampler_usage": CALLS}},
        **{"sample_held_out-cd": {"tokens": 5}},
    )["usage"]
    assert found["sampler"] == {name: 2 * value for name, value in CALLS.items()}
    assert found["generator"] == NONE and found["sampled_tokens"] == 17


def test_calls_that_wrote_prompts_are_told(run_dir: Path):
    found = metrics(run_dir, prompts={"train": 0, "left": 0, "generated": {**CALLS, "prompts": 4}})
    assert (found["usage"]["generator"], found["usage"]["sampler"]) == (CALLS, NONE)


def test_replies_that_were_paid_for_and_dropped_are_counted_and_told(run_dir: Path):
    assert metrics(run_dir)["usage"]["judge_forgotten"] == {"calls": 0, "cost": 0.0}
    note_forgotten(begun(run_dir), 2, 0.5)
    note_forgotten(begun(run_dir), 1, 0.25)
    found = metrics(run_dir)
    assert found["usage"]["judge_forgotten"] == {"calls": 3, "cost": 0.75}
    said = dict(round_lines(found | {"train": None, "seconds": {}}))["judge"]
    assert said.endswith("; 3 replies dropped and asked again, cost 0.7500 more")


def test_what_became_of_the_candidates_is_counted_where_the_pairs_stage_says_so(run_dir: Path):
    fates = {"pair": 4, "cut_off": 1}
    found = metrics(run_dir, pairs={"kept": 2, "dropped": {}, "candidates": fates})
    assert found["counts"]["candidate_fates"] == fates


def test_what_each_source_wrote_is_counted_and_shown_where_there_are_several(run_dir: Path):
    alone, several = {"current": 8}, {"current": 8, "warmer": 4}
    found = metrics(run_dir, sample={"tokens": 7, "sources": several})
    assert found["counts"]["sources"] == several
    found |= {"train": None, "seconds": {}}
    assert dict(round_lines(found))["candidates"] == "0: current 8, warmer 4"
    found["counts"]["sources"] = alone
    assert dict(round_lines(found))["candidates"] == "0"


@pytest.mark.parametrize("name", ["sampler", "generator"])
def test_a_round_shows_calls_only_where_there_were_some(run_dir: Path, name: str):
    found = read_json(finished(run_dir) / "metrics.json")
    assert f"{name}'s calls" not in dict(round_lines(found))
    found["usage"][name] = CALLS
    lines = dict(round_lines(found))
    assert lines[f"{name}'s calls"] == (
        "3 calls, about 1,200 tokens read (600 of them from a cache), 50 written, cost 0.2500 "
        "(estimated for 1, whose usage was not reported)"
    )
    found["usage"][name] = {name: CALLS[name] for name in list(CALLS)[:4]}  # of an earlier version
    lines = dict(round_lines(found))
    assert lines[f"{name}'s calls"] == "3 calls, 1,200 tokens read, 50 written, cost 0.2500"
    del found["usage"][name]
    assert len(round_lines(found)) == len(lines) - 1, "rounds of before had no such figure"


TRAINED = {
    "steps": 4,
    "pairs": 9,
    "curves": [{"step": 2, "loss": 0.6}, {"step": 4, "loss": 0.5}],
    "held_out_accuracy": 5 / 6,
    "kl_per_token": 0.01,
}


def test_a_method_without_pairs_is_told_by_what_it_has(run_dir: Path):
    rows = {"held_out": {"loss": 1.25}, "held_out_n": 4, "answers": {"desirable": 5}}
    trained = {name: TRAINED[name] for name in TRAINED if name != "held_out_accuracy"} | rows
    found = read_json(finished(run_dir) / "metrics.json") | {"train": trained}
    assert dict(round_lines(found))["training"] == (
        "4 steps on 9 judged answers, loss 0.500, KL 0.0100 a token, held-out loss 1.250 n=4"
    )
    del trained["answers"], trained["held_out"]
    assert dict(round_lines(found))["training"] == (
        "4 steps on 9 pairs, loss 0.500, KL 0.0100 a token n=4"
    )


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"held_out_n": 6}, "loss 0.500, KL 0.0100 a token, held-out preference accuracy 0.83 n=6"),
        ({}, "loss 0.500, KL 0.0100 a token, held-out preference accuracy 0.83"),  # of before
        (
            {
                "curves": [{"step": 2, "loss": None}],
                "kl_per_token": None,
                "held_out_accuracy": None,
            },
            "loss not a number",
        ),
        ({"curves": [], "held_out_accuracy": None}, "loss not logged, KL 0.0100 a token"),
    ],
)
def test_a_training_is_told_with_what_its_figures_rest_on(
    run_dir: Path, facts: dict[str, Any], line: str
):
    found = read_json(finished(run_dir) / "metrics.json") | {"train": TRAINED | facts}
    assert dict(round_lines(found))["training"] == f"4 steps on 9 pairs, {line}"
    assert "trained with" not in dict(round_lines(found))
    found["train"]["adjusted"] = ["the last batch was kept"]
    assert dict(round_lines(found))["trained with"] == "the last batch was kept"
