"""A training that was killed ends with the weights of one that was not, tensor by tensor."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from killing import forked
from replays import round_of
from safetensors.torch import load_file

import trainer.stage
from rounds.rows import PAIRS
from rounds.settings import locate
from rounds.tables import read_rows
from rounds.weights import Policy, local_policy
from trainer.config import TrainerConfig
from trainer.stage import train

pytestmark = pytest.mark.slow

FIRST = local_policy(locate("prefloop:starter/policy"))
LORA = {"r": 4, "lora_dropout": 0.2, "target_modules": "all-linear"}
ARGS = {
    "learning_rate": 1e-3,
    "num_train_epochs": 2,
    "per_device_train_batch_size": 2,
    "gradient_checkpointing": False,
    "save_steps": 1,
    "logging_steps": 1,
    # the state of the random generators counts
    "disable_dropout": False,
    "model_init_kwargs": {"attention_dropout": 0.1},
}
"""Eight steps on eight pairs: the fourth ends an epoch."""
BY_EPOCH = {**ARGS, "save_strategy": "epoch", "eval_strategy": "epoch"}
KINDS = ("full", "lora", "second lora", "lora against the first", "own adapter", "by epoch")
AT_CHECKPOINTS = ({"after": 2}, {"after": 4}, {"after": 8})
AT_EPOCHS = ({"after": 4}, {"in": 8}, {"measuring": True})
ELSEWHERE = ({"in": 3}, {"saving": True}, {"measuring": True})


@pytest.fixture(scope="module", autouse=True)
def trl() -> None:
    """Imported once, with one thread: the trainings are forks."""
    torch.set_num_threads(1)
    import trainer.train_child  # noqa: F401


class Case(NamedTuple):
    """A kind of training: the policy that is trained, the first one, and the settings."""

    policy: Policy
    first: Policy
    config: TrainerConfig


@pytest.fixture(scope="module")
def case_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    """The kinds by name; the adapter of a second round is trained when it is first needed."""
    folder = tmp_path_factory.mktemp("adapters")

    def own_adapter() -> Policy:
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM

        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_pretrained(FIRST.model)
        given = LoraConfig(r=3, target_modules=["q_proj"], init_lora_weights=False)
        get_peft_model(model, given).save_pretrained(folder / "own")
        return local_policy(Path(FIRST.model), folder / "own")

    def trained() -> Policy:
        if not (folder / "run").exists():
            once(folder / "run", Case(FIRST, FIRST, config(lora=LORA)), None)
        return local_policy(Path(FIRST.model), folder / "run" / "rounds" / "0001" / "policy")

    def case(kind: str) -> Case:
        if kind == "full":
            return Case(FIRST, FIRST, config())
        if kind == "by epoch":  # with one row held out
            return Case(FIRST, FIRST, TrainerConfig(args=BY_EPOCH, held_out_pairs=0.1))
        if kind == "lora":
            return Case(FIRST, FIRST, config(lora=LORA))
        if kind == "own adapter":
            return Case(own := own_adapter(), own, config(lora=LORA))
        reference = "previous" if kind == "second lora" else "initial"
        return Case(trained(), FIRST, config(lora=LORA, reference=reference))

    return case


def config(**given: Any) -> TrainerConfig:
    return TrainerConfig(args=ARGS, held_out_pairs=0, **given)


def once(run_dir: Path, case: Case, kill: dict[str, Any] | None) -> dict[str, Any]:
    """The trainer stage on eight pairs, to its end or until the kill; the facts."""
    folder = run_dir / "rounds" / "0001"
    if not folder.exists():
        round_of(run_dir, 1, 8)
    assert len(read_rows(folder, PAIRS)) == 8
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.stage, "run_child", forked(kill))
        if kill is None:
            return train(folder, case.config, case.policy, case.first, 0)[1]
        with pytest.raises(ChildProcessError, match="status 9"):
            train(folder, case.config, case.policy, case.first, 0)
    assert not (folder / "policy").exists()
    return {}


def tensors(run_dir: Path) -> dict[str, torch.Tensor]:
    files = sorted((run_dir / "rounds" / "0001" / "policy").glob("*.safetensors"))
    return {name: tensor for path in files for name, tensor in load_file(path).items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_costs_no_weight(tmp_path: Path, case_of: Callable[[str], Case], kind: str):
    case = case_of(kind)
    facts = once(tmp_path / "whole", case, None)
    whole = tensors(tmp_path / "whole")
    assert facts["steps"] == 8 and not facts["not_measured"]
    before = load_file(next(Path(case.policy.adapter or case.policy.model).glob("*.safetensors")))
    assert any(
        name not in before or not torch.equal(tensor, before[name])
        for name, tensor in whole.items()
    )
    elsewhere = ELSEWHERE if kind in ("full", "second lora") else ()
    places = AT_EPOCHS if kind == "by epoch" else (*AT_CHECKPOINTS, *elsewhere)
    for place, kill in enumerate(places):
        run_dir = tmp_path / str(place)
        once(run_dir, case, kill)
        again = once(run_dir, case, None)
        ended = tensors(run_dir)
        assert ended.keys() == whole.keys()
        differ = [name for name in whole if not torch.equal(whole[name], ended[name])]
        assert not differ, f"{kind}, killed {kill}: {len(differ)} of {len(whole)} tensors differ"
        assert again == facts
        assert not [*(run_dir / "rounds/0001/policy").glob("*/")], "no reference beside the weights"
