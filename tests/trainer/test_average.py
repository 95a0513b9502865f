"""The mean of policies: every kind of adapter added up as peft does it, and what has no mean."""

from pathlib import Path
from typing import Any

import pytest
import torch
from builders import begun
from killing import forked
from peft import LoraConfig, PeftModel, get_peft_model
from policies import QWEN, write_policy
from replays import round_of
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

import trainer.average
import trainer.reference
import trainer.stage
from rounds.errors import UserError
from rounds.files import write_json
from rounds.folder import round_dir
from rounds.weights import Policy, local_policy
from trainer.average import write_average
from trainer.config import TrainerConfig
from trainer.stage import train

pytestmark = pytest.mark.long

LORAS: dict[str, dict[str, Any]] = {
    "plain": {"r": 4, "lora_alpha": 16, "target_modules": "all-linear"},
    "rslora": {"r": 9, "lora_alpha": 16, "use_rslora": True, "target_modules": ["q_proj"]},
    "patterns": {
        "r": 4,
        "target_modules": ["q_proj", "v_proj"],
        "rank_pattern": {"q_proj": 2},
        "alpha_pattern": {"layers.1.self_attn.q_proj": 64},
    },
}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return local_policy(write_policy(tmp_path_factory.mktemp("first"), QWEN))


def load(policy: Policy) -> Any:
    model = AutoModelForCausalLM.from_pretrained(policy.model, dtype="float32")
    if policy.adapter is None:
        return model
    return PeftModel.from_pretrained(model, policy.adapter).merge_and_unload()


def adapted(base: Policy, into: Path, **settings: Any) -> Policy:
    """The policy with an adapter of random weights."""
    torch.manual_seed(2)
    given = LoraConfig(init_lora_weights=False, task_type="CAUSAL_LM", **settings)
    get_peft_model(load(base), given).save_pretrained(into)
    return local_policy(Path(base.model), into)


def moved(base: Policy, into: Path, by: float, dtype: torch.dtype = torch.float32) -> Policy:
    """The policy with all weights moved, written as `dtype`."""
    model = load(base).to(dtype)
    with torch.no_grad():
        for weight in model.parameters():
            weight += by
    model.save_pretrained(into)
    return local_policy(into)


def assert_mean(out: Path, policies: list[Policy]) -> None:
    states = [load(policy).state_dict() for policy in policies]
    averaged = AutoModelForCausalLM.from_pretrained(out, dtype="float32").state_dict()
    assert averaged.keys() == states[0].keys()
    for name, tensor in averaged.items():
        mean = torch.stack([state[name] for state in states]).double().mean(0)
        torch.testing.assert_close(tensor.double(), mean, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", LORAS)
def test_an_adapter_counts_with_the_weights_that_it_makes(tmp_path: Path, first: Policy, kind: str):
    lora = adapted(first, tmp_path / "lora", **LORAS[kind])
    write_average([lora, first], tmp_path / "mean")
    assert_mean(tmp_path / "mean", [lora, first])


def test_weights_of_half_precision_are_averaged_in_float32(tmp_path: Path, first: Policy):
    half = moved(first, tmp_path / "half", 0.001, torch.bfloat16)
    third = adapted(half, tmp_path / "third", **LORAS["rslora"])
    write_average([third, half, first], tmp_path / "mean")
    assert_mean(tmp_path / "mean", [third, half, first])
    written = load_file(next((tmp_path / "mean").glob("*.safetensors")))
    assert {tensor.dtype for tensor in written.values()} == {torch.float32}
    assert (tmp_path / "mean" / "generation_config.json").exists()


def test_weights_that_are_stored_turned(tmp_path: Path):
    """GPT-2's Conv1D holds its matrices turned; some are square, so that no shape tells."""
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=64, n_embd=16, n_layer=1, n_head=2, n_positions=32)
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "first")
    base = local_policy(tmp_path / "first")
    lora = adapted(base, tmp_path / "lora", r=2, target_modules=["c_attn", "c_proj"])
    write_average([lora, base], tmp_path / "mean")
    assert_mean(tmp_path / "mean", [lora, base])


def test_large_policies_are_written_in_several_files(
    tmp_path: Path, first: Policy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trainer.average, "SHARD", 60_000)
    other = moved(first, tmp_path / "other", 0.5)
    write_average([other, first], tmp_path / "mean")
    assert len([*(tmp_path / "mean").glob("*.safetensors")]) > 1
    assert_mean(tmp_path / "mean", [other, first])


def test_what_a_killed_process_left_is_no_part_of_the_mean(tmp_path: Path, first: Policy):
    left = tmp_path / "mean.averaging"
    left.mkdir()
    (left / "model-00009.safetensors").write_bytes(b"half")
    write_average([first, first], tmp_path / "mean")
    assert_mean(tmp_path / "mean", [first])
    assert not left.exists()


def test_policies_of_other_shapes_have_no_mean(tmp_path: Path, first: Policy):
    weights = load_file(Path(first.model) / "model.safetensors")
    for name, wrong in (
        ("narrow", {"model.norm.weight": torch.zeros(3)}),
        ("more", {"model.extra.weight": torch.zeros(3)}),
    ):
        folder = write_policy(tmp_path / name, QWEN)
        save_file(weights | wrong, folder / "model.safetensors", {"format": "pt"})
        with pytest.raises(UserError, match=r"trainer.reference: average: .* not of one shape"):
            write_average([first, local_policy(folder)], tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_an_adapter_that_is_more_than_products_for_the_weights_is_refused(
    tmp_path: Path, first: Policy
):
    """Of a layer that the base has not, and of an embedding, which the head may be tied to."""
    lora = adapted(first, tmp_path / "lora", **LORAS["plain"])
    path = tmp_path / "lora" / "adapter_model.safetensors"
    tensors = load_file(path)
    name = next(iter(tensors))
    save_file(tensors | {name.replace("layers.0", "layers.7"): tensors[name].clone()}, path)
    embedding = adapted(first, tmp_path / "embedding", r=2, target_modules=["embed_tokens"])
    for policy in (lora, embedding):
        with pytest.raises(UserError, match="no part of a low-rank product for weights"):
            write_average([policy, first], tmp_path / "mean")


@pytest.mark.slow
def test_a_round_is_trained_against_the_mean(tmp_path: Path, first: Policy):
    """Beside an adapter: the mean is of full weights, and is let go of before the training."""
    torch.set_num_threads(1)
    import trainer.train_child  # noqa: F401

    run_dir = tmp_path / "run"
    lora = adapted(first, round_dir(run_dir, 1) / "policy", **LORAS["rslora"])
    manifest = {"round": 1, "policy": first._asdict(), "trained": lora._asdict()}
    begun(run_dir, 1, pairs=[], dropped=[], prompts=[], candidates=[])
    write_json(round_dir(run_dir, 1) / "manifest.json", manifest)
    folder = round_of(run_dir, 2, 8)
    args = {"max_steps": 2, "gradient_checkpointing": False, "per_device_train_batch_size": 2}
    config = TrainerConfig(reference="average", args=args, lora=LORAS["rslora"])
    with pytest.MonkeyPatch.context() as patch:
        for module in (trainer.stage, trainer.reference):
            patch.setattr(module, "run_child", forked(None))
        _, facts = train(folder, config, lora, first, 0)
    assert facts["reference"]["name"] == "average"
    assert facts["reference"]["policies"] == [lora.policy_id, first.policy_id]
    assert facts["reference"]["logprobs"] == "one pass" and facts["reference"]["pairs_passed"] == 8
    assert facts["not_measured"] == {} and facts["kl_per_token"] > 0
    made = next((folder / "work").glob("train-*/reference"))
    assert_mean(made, [lora, first])
