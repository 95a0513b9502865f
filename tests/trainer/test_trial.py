"""The trial of a training in small: what works is left alone, what cannot is named by its key."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import trainer.trial
from endpoints.children import ChildFailed
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.settings import locate
from rounds.weights import Policy, local_policy
from sampler.config import SamplerConfig
from sampler.trial import try_policy
from trainer.alike import saved_alike
from trainer.config import TrainerConfig
from trainer.small_policy import small_policy
from trainer.trial import training_hash, try_training

pytestmark = pytest.mark.slow

STARTER = locate("prefloop:starter/policy")
ARGS = {"learning_rate": 3e-4, "gradient_checkpointing": False, "max_length": 256}
VLLM = {"dtype": "float32", "max_model_len": 256, "enforce_eager": True, "max_num_seqs": 4}
ENV = {"OMP_NUM_THREADS": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child's work without a process for each: importing TRL takes seconds."""

    from trainer import trial_child

    torch.set_num_threads(1)
    monkeypatch.setattr(trainer.trial, "run_child", lambda _, job, *given: trial_child.main(job))


def tried(
    tmp_path: Path, args: dict[str, Any] | None = None, policy: Path = STARTER, **section: Any
) -> tuple[Policy | None, str]:
    config = TrainerConfig(args={**ARGS, **(args or {})}, **section)
    tried = try_training(tmp_path / "run" / "work" / "trial", config, local_policy(policy))
    assert not tried.alike or (section.get("lora") is None and policy == STARTER)
    return tried[:2]


def facts_of(tmp_path: Path, number: int) -> dict[str, Any]:
    return read_json(tmp_path / f"run/work/trial/work/train/{number}/training.json")


@pytest.mark.parametrize(
    ("args", "section"),
    [
        ({}, {}),
        ({}, {"reference": "initial"}),
        ({"eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": True}, {}),
        ({"save_strategy": False, "dataloader_drop_last": True, "max_steps": 9}, {}),
        ({}, {"lora": {"r": 4}, "reference": "initial"}),
    ],
)
def test_what_works_is_trained_saved_and_trained_further(
    tmp_path: Path, args: dict[str, Any], section: dict[str, Any]
):
    policy, reason = tried(tmp_path, args, **section)
    assert policy is not None and reason == ""
    config = read_json(Path(policy.model) / "config.json")
    own = read_json(STARTER / "config.json")
    assert config["num_hidden_layers"] == 2 and own["num_hidden_layers"] == 4
    same = ("hidden_size", "vocab_size", "num_attention_heads", "tie_word_embeddings")
    assert all(config[name] == own[name] for name in same)
    once_again = "lora" in section or "reference" in section
    assert (tmp_path / "run/work/trial/work/train/1").exists() == once_again
    for number in (0, 1) if once_again else (0,):
        facts = facts_of(tmp_path, number)
        assert facts["steps"] == 1 and facts["adjusted"] == [] and facts["held_out_n"] == 2
    assert (policy.adapter is None) == ("lora" not in section)


@pytest.mark.parametrize("method", ["kto", "orpo", "sft"])
def test_the_configured_method_is_tried(tmp_path: Path, method: str):
    policy, reason = tried(tmp_path, method=method)
    assert policy is not None and reason == ""
    facts = facts_of(tmp_path, 0)
    assert facts["steps"] == 1 and ("held_out_accuracy" in facts) == (method == "orpo")
    assert facts["held_out_n"] == (4 if method == "kto" else 2) and facts["not_measured"] == {}


def test_every_variant_of_a_sweep_is_tried(tmp_path: Path):
    policy, _ = tried(tmp_path, sweep={"beta": [0.1, 0.5]})
    assert policy is not None
    assert (tmp_path / "run/work/trial/work/train/variant-0/training.json").exists()
    variants = [{}, {"sync_ref_model": True}]
    with pytest.raises(UserError, match=r"^trainer.sweep, variant 2: trainer.args: .*sync_ref"):
        tried(tmp_path / "two", {"precompute_ref_log_probs": True}, sweep=variants)


def test_the_values_of_every_variant_are_checked(tmp_path: Path):
    from trainer import check

    job = {
        "method": "dpo",
        "variants": [{"beta": 0.1}, {"beta": "low"}],
        "lora": None,
        "elsewhere": False,
        "policy": Policy(str(STARTER), None, "")._asdict(),
        "imported": [],
    }
    write_json(tmp_path / "job.json", job)
    said = "trainer.sweep, variant 2: trainer.args.beta: expected a number (it is 'low')"
    with pytest.raises(UserError) as caught:
        check.main(tmp_path / "job.json")
    assert str(caught.value) == said
    write_json(tmp_path / "job.json", {**job, "variants": job["variants"][1:]})
    with pytest.raises(UserError, match=r"^trainer.args.beta: expected"):
        check.main(tmp_path / "job.json")


def test_what_this_machine_cannot_is_left_to_the_one_that_trains(tmp_path: Path):
    from trainer import check

    job = {
        "method": "dpo",
        "variants": [{"tf32": True, "use_cpu": False, "bf16": True}],
        "lora": None,
        "policy": Policy(str(STARTER), None, "")._asdict(),
        "imported": [],
    }
    write_json(tmp_path / "job.json", {**job, "elsewhere": False})
    with pytest.raises(UserError, match=r"^trainer.args: "):
        check.main(tmp_path / "job.json")
    write_json(tmp_path / "job.json", {**job, "elsewhere": True})
    check.main(tmp_path / "job.json")


def test_a_launch_of_fewer_processes_than_it_says_is_found(tmp_path: Path):
    with pytest.raises(UserError, match="accelerate started 1 of 2; multi_gpu: true starts as"):
        tried(tmp_path, accelerate={"num_processes": 2})


@pytest.mark.parametrize(
    ("args", "section", "says"),
    [
        (
            {"loss_type": "foo"},
            {},
            "trainer.args: Unknown loss type: foo. Should be one of ['sigmoid', 'hinge'",
        ),
        ({"lr_scheduler_type": "cosine_with_min_lr"}, {}, "trainer.args: One of min_lr or min_lr_"),
        (
            {"learning_rate": 1e20},
            {"reference": "initial"},
            "the training fell apart: its gradient is ",
        ),
        ({"optim": "adamw_bnb_8bit"}, {}, "bitsandbytes"),
        ({}, {"lora": {"target_modules": ["foo"]}}, "trainer.lora: Target modules {'foo'} not "),
        (
            {},
            {"lora": {"target_modules": ["lm_head"]}},
            "trainer.lora: Applying a PEFT adapter to ",
        ),
        ({"loss_type": "foo"}, {"lora": {"r": 4}}, "trainer.args: Unknown loss type: foo"),
        ({"learning_rate": "abc"}, {}, "trainer.args.learning_rate: expected a number"),
    ],
)
def test_what_trl_or_peft_refuses_is_one_message(
    tmp_path: Path, args: dict[str, Any], section: dict[str, Any], says: str
):
    with pytest.raises(UserError) as caught:
        tried(tmp_path, args, **section)
    assert says in str(caught.value)


def test_an_adapter_of_ranks_by_module_is_sampled_and_one_that_vllm_refuses_is_named(
    tmp_path: Path,
):
    """A rank pattern above r works: vLLM is told the largest."""
    sampler = SamplerConfig(vllm=VLLM, env=ENV)
    policy, _ = tried(tmp_path, lora={"r": 8, "rank_pattern": {"q_proj": 32}})
    assert policy is not None and policy.adapter is not None
    folder = tmp_path / "run" / "work" / "trial"
    try_policy(folder, sampler, policy)
    shutil.rmtree(folder / "work" / "sample")
    settings = Path(policy.adapter) / "adapter_config.json"
    settings.write_text(settings.read_text().replace('"use_dora": false', '"use_dora": true'))
    changed = local_policy(Path(policy.model), Path(policy.adapter))
    with pytest.raises(ChildFailed, match="vLLM does not yet support DoRA"):
        try_policy(folder, sampler, changed)


def test_a_policy_that_cannot_be_made_small_is_not_refused(tmp_path: Path):
    own = tmp_path / "policy"
    shutil.copytree(STARTER, own)
    config = (own / "config.json").read_text()
    (own / "config.json").write_text(config.replace("{", '{"quantization_config": {"bits": 4},', 1))
    assert tried(tmp_path, policy=own) == (None, "its weights are quantized")


def test_an_adapter_of_layers_that_the_small_one_has_not_is_not_refused(tmp_path: Path):
    """The policy has four layers, the one in small two."""
    upper = r".*layers\.3\.self_attn\.[qv]_proj"
    policy, reason = tried(tmp_path, lora={"target_modules": upper})
    assert policy is None and "layers that the policy in small does not have" in reason
    no_layer = {"target_modules": upper.replace("3", "7")}
    with pytest.raises(UserError, match="trainer.lora: Target modules"):
        tried(tmp_path / "other", lora=no_layer)


def test_what_is_saved_is_like_what_was_given_or_there_is_a_doubt(tmp_path: Path):
    saved = small_policy(local_policy(STARTER), {}, tmp_path / "small").model
    assert saved_alike(Path(saved), STARTER)
    changes = {
        "config.json": {"head_dim": 7},
        "generation_config.json": {"temperature": 0.7},
        "tokenizer_config.json": {"eos_token": "<pad>"},
    }
    for name, change in changes.items():
        other = shutil.copytree(saved, tmp_path / name)
        write_json(other / name, {**read_json(other / name), **change})
        assert not saved_alike(other, STARTER), name
    other = shutil.copytree(saved, tmp_path / "tensors")
    tensors = load_file(other / "model.safetensors")
    for name in ("model.norm.weight", "model.layers.1.mlp.down_proj.weight"):
        save_file({**tensors, name: torch.zeros(3)}, other / "model.safetensors")
        assert not saved_alike(other, STARTER), "another shape"
    save_file({**tensors, "lm_head.weight": torch.zeros(3)}, other / "model.safetensors")
    assert not saved_alike(other, STARTER), "a tensor more"


def test_layers_of_each_kind_are_left():
    from trainer.small_policy import keep_layers

    kinds = ["linear", "linear", "linear", "full"] * 3
    config = SimpleNamespace(num_hidden_layers=12, layer_types=kinds, rope=list(range(12)), odd=[1])
    keep_layers(config)
    assert (config.num_hidden_layers, config.layer_types) == (2, ["linear", "full"])
    assert (config.rope, config.odd) == ([0, 3], [1])
    one_kind = SimpleNamespace(num_hidden_layers=12, no_rope_layers=list(range(12)))
    keep_layers(one_kind)
    assert one_kind.no_rope_layers == [0, 1]
    smaller = SimpleNamespace(num_hidden_layers=1, layer_types=["full"])
    keep_layers(smaller)
    assert smaller.layer_types == ["full"]


def test_it_depends_on_all_but_weights_and_what_is_trained_on(tmp_path: Path):
    own = tmp_path / "policy"
    shutil.copytree(STARTER, own)
    first = training_hash(TrainerConfig(), own, None)
    (own / "model.safetensors").write_bytes(b"other weights")
    same = TrainerConfig(held_out_pairs=0.2, replay={"share": 0.1})
    assert training_hash(same, own, None) == first
    assert training_hash(TrainerConfig(lora={"r": 8}), own, None) != first
    (own / "generation_config.json").write_text("{}")
    assert training_hash(TrainerConfig(), own, None) != first
