"""Arguments by name, for every method, without TRL; and its own word where it is imported."""

import dataclasses
import subprocess
import sys
from typing import Any

import pytest

from rounds.errors import UserError
from trainer.argument_names import check_argument_names
from trainer.config import TrainerConfig
from trainer.methods import CONFIGS, config_class, load_method


@pytest.mark.parametrize("method", CONFIGS)
def test_a_name_that_the_methods_config_has_not_is_said_with_the_config(method: str):
    check_argument_names(TrainerConfig(method=method, args={"learning_rate": 1e-5, "seed": 2}))
    with pytest.raises(UserError) as caught:
        check_argument_names(TrainerConfig(method=method, args={"learning_rat": 1e-5}))
    assert str(caught.value) == (
        f"trainer.args.learning_rat: TRL's {config_class(method)} knows no such argument; "
        "did you mean learning_rate?"
    )


@pytest.mark.parametrize(
    ("section", "says"),
    [
        (
            {"method": "sft", "args": {"beta": 0.1}},
            "trainer.args.beta: TRL's SFTConfig knows no such argument",
        ),
        (
            {"method": "dpo", "args": {"desirable_weight": 2}},
            "trainer.args.desirable_weight: TRL's DPOConfig knows no such argument",
        ),
        ({"lora": {"rank": 8}}, "trainer.lora.rank: peft knows no such argument"),
        (
            {"accelerate": {"cpu": True, "num_processes": 2}},
            "trainer.accelerate.cpu: with num_processes: 2 accelerate starts one process all the "
            "same; write accelerate: {multi_gpu: true, num_processes: 2} and args: {use_cpu: true}",
        ),
    ],
)
def test_what_cannot_be_is_one_message(section: dict[str, Any], says: str):
    with pytest.raises(UserError) as caught:
        check_argument_names(TrainerConfig.model_validate(section))
    assert str(caught.value).startswith(says)


def test_a_launch_that_does_what_it_says_is_taken():
    for given in ({"cpu": True, "num_processes": 1}, {"multi_gpu": True, "num_processes": 2}):
        check_argument_names(TrainerConfig(accelerate=given))


def test_it_imports_no_library():
    code = (
        "import sys; from trainer.config import TrainerConfig; "
        "from trainer.argument_names import check_argument_names; "
        "check_argument_names(TrainerConfig(args={'beta': 0.1}, lora={'r': 4})); "
        "print([name for name in ('torch', 'trl', 'transformers', 'peft') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize("method", CONFIGS)
def test_the_source_says_what_the_library_says(method: str):
    """Every field of TRL's config, by its own word, is a name that is taken."""
    config = load_method(method).config
    assert config.__name__ == config_class(method)
    names = {field.name for field in dataclasses.fields(config)}
    check_argument_names(TrainerConfig(method=method, args=dict.fromkeys(names - {"output_dir"})))
