"""Every way of training: a real training by TRL on ids that were sampled, saved and trained on."""

from pathlib import Path
from typing import Any

import pytest
import torch
from killing import forked
from replays import round_of
from safetensors.torch import load_file

import trainer.stage
from rounds.settings import locate
from rounds.weights import Policy, local_policy
from trainer.config import TrainerConfig
from trainer.stage import train

pytestmark = pytest.mark.slow

FIRST = local_policy(locate("prefloop:starter/policy"))
LORA = {"r": 4, "target_modules": "all-linear"}
ARGS = {
    "learning_rate": 1e-3,
    "num_train_epochs": 1,
    "per_device_train_batch_size": 2,
    "per_device_eval_batch_size": 2,
    "gradient_checkpointing": False,
    "logging_steps": 1,
    "save_steps": 1,
}
METHODS: dict[str, dict[str, Any]] = {
    "dpo": {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.2]},
    "kto": {},
    "orpo": {},
    "cpo": {"loss_type": "simpo", "cpo_alpha": 0.0, "beta": 2.0},
    "sft": {},
}
STEPS = {"dpo": 3, "kto": 6, "orpo": 3, "cpo": 3, "sft": 3}
"""Of six pairs in batches of two; KTO has an answer of each side by itself."""


@pytest.fixture(scope="module", autouse=True)
def trl() -> None:
    """Imported once, with one thread: the trainings are forks."""
    torch.set_num_threads(1)
    import trainer.methods.cpo
    import trainer.methods.kto
    import trainer.methods.orpo
    import trainer.methods.sft
    import trainer.train_child  # noqa: F401


def trained(
    run_dir: Path,
    method: str,
    policy: Policy = FIRST,
    kill: dict[str, Any] | None = None,
    **given: Any,
) -> dict[str, Any]:
    """The facts of a training on eight pairs, of which two are held out."""
    folder = run_dir / "rounds" / "0001"
    if not folder.exists():
        round_of(run_dir, 1, 8)
    args = {**ARGS, **METHODS[method], **given.pop("args", {})}
    config = TrainerConfig(method=method, args=args, held_out_pairs=0.25, **given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.stage, "run_child", forked(kill))
        if kill is not None:
            with pytest.raises(ChildProcessError, match="status 9"):
                train(folder, config, policy, FIRST, 0)
            return {}
        return train(folder, config, policy, FIRST, 0)[1]


def tensors(run_dir: Path) -> dict[str, torch.Tensor]:
    files = sorted((run_dir / "rounds" / "0001" / "policy").glob("*.safetensors"))
    return {name: tensor for path in files for name, tensor in load_file(path).items()}


@pytest.mark.parametrize("method", METHODS)
def test_a_round_is_trained(tmp_path: Path, method: str):
    facts = trained(tmp_path / "run", method)
    assert (facts["steps"], facts["pairs"], facts["held_out_pairs"]) == (STEPS[method], 6, 2)
    assert facts["not_measured"] == {} and facts["kl_per_token"] > 0
    assert facts["held_out"]["loss"] > 0 or method == "dpo"
    assert ("held_out_accuracy" in facts) == (method not in ("kto", "sft"))
    assert facts["held_out_n"] == (4 if method == "kto" else 2)
    rewards = {name for name in facts["curves"][0] if name.startswith("rewards/")}
    assert bool(rewards) == (method != "sft")
    before = load_file(Path(FIRST.model) / "model.safetensors")
    after = tensors(tmp_path / "run")
    assert after.keys() == before.keys()
    assert any(not torch.equal(after[name], before[name]) for name in before)


@pytest.mark.parametrize("method", ["kto", "orpo", "cpo", "sft"])
def test_an_adapter_is_trained_and_trained_further_and_a_kill_costs_no_weight(
    tmp_path: Path, method: str
):
    trained(tmp_path / "first", method, lora=LORA)
    adapter = local_policy(Path(FIRST.model), tmp_path / "first" / "rounds" / "0001" / "policy")
    facts = trained(tmp_path / "whole", method, adapter, lora=LORA)
    assert facts["not_measured"] == {} and facts["kl_per_token"] > 0
    trained(tmp_path / "killed", method, adapter, kill={"after": 2}, lora=LORA)
    again = trained(tmp_path / "killed", method, adapter, lora=LORA)
    whole, ended = tensors(tmp_path / "whole"), tensors(tmp_path / "killed")
    assert whole.keys() == ended.keys()
    assert all(torch.equal(whole[name], ended[name]) for name in whole)
    assert again == facts


@pytest.mark.parametrize("method", ["kto", "sft", "cpo"])
def test_full_weights_go_on_from_a_checkpoint(tmp_path: Path, method: str):
    facts = trained(tmp_path / "whole", method)
    trained(tmp_path / "killed", method, kill={"after": 1})
    assert trained(tmp_path / "killed", method) == facts
    whole, ended = tensors(tmp_path / "whole"), tensors(tmp_path / "killed")
    assert all(torch.equal(whole[name], ended[name]) for name in whole)
