"""Arguments by name, for every method, without TRL; and its own word where it is imported."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from accelerate.commands.launch import launch_command_parser

import trainer.sharding_names
from rounds.errors import UserError
from trainer.accelerate_flags import accelerate_flags
from trainer.argument_names import check_argument_names
from trainer.config import TrainerConfig
from trainer.methods import CONFIGS, config_class, load_method
from trainer.sharding_names import WHOLE

LAUNCHED = {"use_fsdp": True, "fsdp_version": 2, "num_processes": 2}
LOADING = "cpu_ram_efficient_loading"
FSDP = LAUNCHED | {f"fsdp_{LOADING}": False}


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
            {"args": {"num_train_epochs": "many"}},
            "trainer.args.num_train_epochs: expected a number (it is 'many')",
        ),
        (
            {"sweep": {"max_steps": [1, "x"]}},
            "trainer.sweep.max_steps: expected a number (it is 'x')",
        ),
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
        (
            {"accelerate": {"num_process": 2}},
            "trainer.accelerate.num_process: accelerate launch knows no such argument; did you "
            "mean num_processes?",
        ),
        (
            {"accelerate": FSDP | {"use_deepspeed": True}},
            "trainer.accelerate: use_fsdp and use_deepspeed both shard; leave one out",
        ),
        (
            {"accelerate": FSDP, "args": {"precompute_ref_log_probs": True}},
            "trainer.args.precompute_ref_log_probs: TRL 1.16 keeps what it precomputes in a file "
            "that the other processes do not find",
        ),
        (
            {"args": {"fsdp": True, "precompute_ref_log_probs": True}, "lora": {"r": 4}},
            "trainer.args.precompute_ref_log_probs: TRL 1.16 keeps what it precomputes in a file "
            "that the other processes do not find, and with an adapter asks a policy that is not",
        ),
        (
            {
                "method": "kto",
                "ray": {"workers": 2},
                "args": {"precompute_ref_log_probs": True},
            },
            "trainer.args.precompute_ref_log_probs: TRL 1.16 keeps",
        ),
        (
            {"accelerate": LAUNCHED},
            f"trainer.accelerate.fsdp_{LOADING}: false is wanted: with FSDP 2 only the first",
        ),
        (
            {"method": "kto", "accelerate": FSDP | {f"fsdp_{LOADING}": "true"}},
            f"trainer.accelerate.fsdp_{LOADING}: false is wanted",
        ),
        (
            {"accelerate": LAUNCHED, "lora": {"r": 4}, "reference": "initial"},
            f"trainer.accelerate.fsdp_{LOADING}: false is wanted",
        ),
        (
            {"args": {"fsdp": True, "fsdp_config": {LOADING: True}}},
            f"trainer.args.fsdp_config.{LOADING}: false is wanted",
        ),
        (
            {
                "method": "kto",
                "accelerate": {"multi_gpu": True},  # one for each GPU
                "args": {"precompute_ref_log_probs": True},
            },
            "trainer.args.precompute_ref_log_probs: TRL 1.16 keeps",
        ),
        (
            {"accelerate": {"use_deepspeed": True, "num_processes": 2}},
            "trainer.accelerate: DeepSpeed is not installed; pip install deepspeed, or shard by",
        ),
    ],
)
def test_what_cannot_be_is_one_message(section: dict[str, Any], says: str):
    with pytest.raises(UserError) as caught:
        check_argument_names(TrainerConfig.model_validate(section))
    assert str(caught.value).startswith(says)


def test_a_launch_that_does_what_it_says_is_taken():
    two = {"multi_gpu": True, "num_processes": 2}
    for given in ({"cpu": True, "num_processes": 1}, two, FSDP):
        check_argument_names(TrainerConfig(accelerate=given))
    fsdp = {"fsdp": True, "fsdp_config": {"version": 2}}
    for without in (  # a reference model of its own that FSDP 2 would spread
        {"accelerate": LAUNCHED, "lora": {"r": 4}},
        {"accelerate": LAUNCHED, "method": "orpo"},
        {"accelerate": LAUNCHED | {"fsdp_version": 1}},
        {"args": fsdp},
    ):
        check_argument_names(TrainerConfig.model_validate(without))
    precomputed = {"precompute_ref_log_probs": True}  # by our own pass
    check_argument_names(TrainerConfig(accelerate=two, args=precomputed))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"zero_stage": 2}, None),
        ({"zero_stage": 3}, "trainer.accelerate.zero3_save_16bit_model: true is wanted"),
        ({"zero_stage": 3, "zero3_save_16bit_model": True}, None),
        ({"stage": 3}, "DeepSpeed's zero_optimization.stage3_gather_16bit_weights_on_model_save"),
        ({"stage": 3, WHOLE: True}, None),
        ({"deepspeed_config_file": "none.json"}, "trainer.accelerate: none.json: "),
    ],
)
def test_deepspeed_writes_a_whole_policy(
    given: dict[str, Any], says: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """DeepSpeed itself cannot be had without a compiler: what it is told is looked at."""
    monkeypatch.setattr(trainer.sharding_names, "find_spec", lambda name: name)
    if "stage" in given:
        settings = tmp_path / "zero.json"
        settings.write_text(json.dumps({"zero_optimization": given}))
        given = {"deepspeed_config_file": str(settings)}
    config = TrainerConfig(accelerate={"use_deepspeed": True, "num_processes": 2, **given})
    if says is None:
        check_argument_names(config)
        return
    with pytest.raises(UserError) as caught:
        check_argument_names(config)
    assert says in str(caught.value)


def test_truth_values_are_switches_or_words_as_accelerate_has_them():
    given = {"multi_gpu": True, "use_fsdp": False, "num_processes": 2, "config_file": None}
    assert accelerate_flags(given) == ["--multi_gpu", "--num_processes", "2"]
    words = {"fsdp_offload_params": True, "zero3_save_16bit_model": False}
    assert accelerate_flags(words) == [
        *("--fsdp_offload_params", "true"),
        *("--zero3_save_16bit_model", "false"),
    ]
    parsed = launch_command_parser().parse_args([*accelerate_flags(words | given), "script.py"])
    assert parsed.multi_gpu and not parsed.use_fsdp and parsed.fsdp_offload_params == "true"


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
