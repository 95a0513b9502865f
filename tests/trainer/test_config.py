"""The trainer section: presets set values, what the user sets stays, old runs keep their keys."""

from typing import Any

import pytest
from pydantic import ValidationError

from trainer.config import TrainerConfig
from trainer.presets import PRESETS, preset_text
from trainer.rows import split
from trainer.taught_config import ScoreLines


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_only_sets_values(name: str):
    config = TrainerConfig.model_validate({"preset": name, "args": {"learning_rate": 1e-6}})
    preset = PRESETS[name]
    assert config.method == preset.method
    assert config.args == {**preset.args, "learning_rate": 1e-6}
    assert TrainerConfig.model_validate(config.model_dump()) == config, "as run.yaml is read again"
    text = preset_text(name, config.args)
    assert "yours" not in text and preset.source in text
    assert all(f"{key}: {value}" in text for key, value in preset.args.items())


def test_what_the_user_sets_himself_wins_and_is_said():
    config = TrainerConfig.model_validate({"preset": "olmo", "args": {"beta": 2}})
    assert config.args == {"loss_type": "sigmoid_norm", "beta": 2}
    assert preset_text("olmo", config.args).startswith(
        "olmo sets method: dpo, loss_type: sigmoid_norm; yours in its place: beta: 2 (OLMo 3"
    )


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"preset": "simpo", "method": "dpo"}, "preset: simpo is for method cpo (it is dpo)"),
        ({"preset": "gold"}, "Input should be 'iterative', 'olmo', 'smol' or 'simpo'"),
        ({"preset": "olmo", "args": [1]}, "Input should be a valid dictionary"),
        ({"method": "ppo"}, "Input should be 'dpo', 'kto', "),
    ],
)
def test_a_wrong_name_is_said(section: dict[str, Any], says: str):
    with pytest.raises(ValidationError) as caught:
        TrainerConfig.model_validate(section)
    assert says in str(caught.value)


def test_keys_that_are_newer_and_not_set_change_no_key():
    told = TrainerConfig(args={"beta": 0.2}).keyed({"trial"})
    assert told == {
        "reference": "previous",
        "args": {"beta": 0.2},
        "lora": None,
        "accelerate": None,
        "held_out_pairs": 0.05,
        "warm_start": None,
        "replay": None,
    }
    assert TrainerConfig(method="kto").keyed(set())["method"] == "kto"


@pytest.mark.parametrize("preset", [["olmo"], {"olmo": 1}, 3, "omlo"])
def test_a_preset_that_is_no_name_of_one_is_refused_and_not_raised_on(preset: object):
    with pytest.raises(ValidationError, match="preset"):
        TrainerConfig.model_validate({"preset": preset})


WARM, DATA = {"warm_start": {"data": "w.jsonl"}}, {"share": 0.5, "data": [{"data": "d.jsonl"}]}


@pytest.mark.parametrize(
    ("given", "sources", "teaches"),
    [
        ({}, {"pairs": 0}, False),
        (WARM, {"pairs": 0}, False),
        ({"replay": {"share": 0.5}}, {"pairs": 0}, False),
        ({"replay": DATA}, {"pairs": 0}, True),
        ({"replay": DATA}, {"pairs": 0, "replay": 0}, False),
        ({**WARM, "replay": {"share": 0.5}}, {"pairs": 0}, True),
        ({**WARM, "replay": {"share": 0.5}}, {"pairs": 0, "warm_start": 0}, False),
        ({}, {"replay": 0}, True),
    ],
)
def test_weights_that_leave_a_round_nothing_that_teaches_are_refused(given, sources, teaches):
    tree = {**given, "weights": {"sources": sources}}
    if teaches:
        assert TrainerConfig.model_validate(tree).weights
        return
    with pytest.raises(ValidationError, match="weights: sources.pairs: 0 leaves a round nothing"):
        TrainerConfig.model_validate(tree)


def test_where_all_would_be_held_out_none_is():
    rows = [{"extra": False, "prompt_id": "p", "pair_id": name} for name in "abcd"]
    assert split(rows, 0.5) == (rows, [])
    others = [row | {"prompt_id": row["pair_id"]} for row in rows]
    train, held_out = split(others, 0.5)
    assert len(train) == len(held_out) == 2


def test_an_answer_on_a_line_is_beyond_it():
    lines = ScoreLines(above=7, below=3)
    labels = [lines.label(score) for score in (9, 7, 6.9, 3.1, 3, 1)]
    assert labels == [True, True, None, None, False, False]
