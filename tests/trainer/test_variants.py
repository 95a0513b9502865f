"""The variants of a sweep: which they are, which one is taken, and what is said of them."""

from pathlib import Path
from typing import Any

import pytest
from configs import TREE, load
from pydantic import ValidationError

from flows.plan_disk import Disk, disk_text
from flows.plan_text import training_text
from flows.plan_time import estimate_seconds
from rounds.errors import UserError
from rounds.sweep_lines import sweep_lines
from trainer.argument_names import check_argument_names
from trainer.config import TrainerConfig
from trainer.sweep import too_few_to_choose
from trainer.variants import Rated, best_of, setting_text, settings_of, standard_error


def test_lists_are_combined_and_settings_stay_as_they_are():
    grid = {"beta": [0.1, 0.5], "learning_rate": [1e-6, 5e-7]}
    assert [setting_text(one) for one in settings_of(grid)] == [
        "beta 0.1, learning_rate 1e-06",
        "beta 0.1, learning_rate 5e-07",
        "beta 0.5, learning_rate 1e-06",
        "beta 0.5, learning_rate 5e-07",
    ]
    listed: list[dict[str, Any]] = [{}, {"beta": 0.5, "loss_type": "ipo"}]
    config = TrainerConfig(args={"beta": 0.1, "max_steps": 3}, sweep=listed)
    assert config.variants == [
        {"beta": 0.1, "max_steps": 3},
        {"beta": 0.5, "max_steps": 3, "loss_type": "ipo"},
    ]
    assert TrainerConfig(args={"beta": 1}).variants == [{"beta": 1}]


def test_the_first_within_one_standard_error_of_the_best_is_taken():
    n = 100
    error = standard_error(Rated(0.7, n))
    assert error == pytest.approx(0.0452, abs=1e-3)
    for shares, taken in (
        ((0.7, 0.5), 0),
        ((0.5, 0.7), 1),
        ((0.66, 0.7), 0),
        ((0.65, 0.7), 1),
        ((0.6, 0.66, 0.7, 0.69), 1),
        ((0.5, 0.5), 0),
    ):
        assert best_of([Rated(share, n) for share in shares]) == taken, shares
    assert best_of([Rated(0.95, 20), Rated(1.0, 20)]) == 0, "one pair more is noise"
    assert best_of([Rated(0.9, 1000), Rated(1.0, 1000)]) == 1


def test_what_fell_apart_or_was_not_measured_is_not_taken():
    broken, unmeasured = Rated(None, 0, "NaN"), Rated(None, 0)
    assert best_of([broken, Rated(0.1, 50)]) == 1
    assert best_of([unmeasured, Rated(0.1, 50)]) == 1
    assert best_of([broken, unmeasured]) == 1
    assert best_of([broken, broken]) is None


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"sweep": 7}, "takes lists of values by argument"),
        ({"sweep": {"beta": 0.1}}, "takes lists of values by argument"),
        ({"sweep": [0.1, 0.5]}, "takes lists of values by argument"),
        ({"sweep": {"beta": [0.1]}}, "needs two variants"),
        ({"sweep": {"beta": []}}, "needs two variants"),
        ({"sweep": [{"beta": 0.1}, {"beta": 0.1}]}, "none of them twice"),
        ({"sweep": {"max_length": [64, 128]}}, "max_length changes what is trained on"),
        ({"sweep": {"output_dir": ["a", "b"]}}, "output_dir is set by prefloop"),
        ({"sweep": {"beta": [1, 2]}, "method": "kto"}, "kto has no preference accuracy"),
        ({"sweep": {"beta": [1, 2]}, "held_out_pairs": 0}, "held_out_pairs is 0"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused(section: dict[str, Any], says: str):
    with pytest.raises(ValidationError, match=says):
        TrainerConfig.model_validate(section)


def test_the_names_of_every_variant_are_checked_by_a_plan():
    check_argument_names(TrainerConfig(sweep={"beta": [0.1, 0.5]}))
    for sweep, where in (
        ({"beta": [0.1, 0.5], "beto": [1, 2]}, "trainer.sweep.beto"),
        ([{"beta": 0.1}, {"beto": 1}], "trainer.sweep.1.beto"),
    ):
        with pytest.raises(UserError, match=rf"^{where}: TRL's DPOConfig knows no such .* beta"):
            check_argument_names(TrainerConfig(sweep=sweep))


def test_a_round_that_turned_out_small_has_no_sweep_and_says_so():
    config = TrainerConfig(sweep={"beta": [0.1, 0.5]}, held_out_pairs=0.1)
    assert too_few_to_choose(config, 100) is None
    assert "9 held-out pairs tell no variants apart" in str(too_few_to_choose(config, 99))
    assert too_few_to_choose(TrainerConfig(), 1) is None


def test_a_plan_counts_the_variants(tmp_path: Path):
    config = load(tmp_path, TREE, "trainer.sweep={beta: [0.1, 0.5]}")
    assert config.trainer is not None
    assert training_text(config, config.trainer, 40, tmp_path).endswith(
        "; 2 variants, of which one is taken (beta 0.1; beta 0.5)"
    )
    one, three = (Disk(10, 100, 2, 600, False, 10**9, 0, variants) for variants in (1, 3))
    assert (one.most, three.most) == (710, 910)
    assert "2 variants that are not taken" in disk_text(three)
    assert "variants" not in disk_text(one)
    last = {"counts": {"prompts": 10}, "round": 1, "seconds": {"train": 6.0}, "train": {}}
    assert estimate_seconds(last, 10, True, 3)["train"] == 18
    swept = {**last, "train": {"sweep": {"variants": [{}, {}]}}}
    assert estimate_seconds(swept, 10, True, 3)["train"] == 9
    assert estimate_seconds({**last, "train": None}, 10, True)["train"] == 6


def test_a_round_shows_every_variant():
    one = {"held_out_accuracy": 0.7, "held_out_n": 40, "kl_per_token": 0.01, "fault": None}
    broken = {"held_out_accuracy": None, "held_out_n": 0, "kl_per_token": None, "fault": "NaN"}
    rows = [{"args": {"beta": 0.1}, **one}, {"args": {"beta": 0.5}, **broken}]
    table = {"variants": rows, "taken": 0, "standard_error": 0.07}
    assert sweep_lines({"train": {"sweep": table}}) == [
        (
            "variant 1",
            "beta 0.1: held-out preference accuracy 0.700 n=40, KL 0.0100 a token, taken, first "
            "within 0.070 of the best",
        ),
        ("variant 2", "beta 0.5: fell apart: NaN"),
    ]
    for without in ({}, {"train": None}, {"train": {}}):
        assert sweep_lines(without) == []
