"""Training in two processes on a CPU, by accelerate: the same pairs, a policy as good."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from killing import __file__ as killing
from replays import round_of
from safetensors.torch import load_file

import trainer.stage
from endpoints.children import ChildKilled
from rounds.settings import locate
from rounds.weights import local_policy
from trainer.config import TrainerConfig
from trainer.stage import train

pytestmark = pytest.mark.slow

FIRST = local_policy(locate("prefloop:starter/policy"))
ARGS = {
    "use_cpu": True,
    "bf16": False,
    "learning_rate": 1e-3,
    "max_steps": 4,
    "gradient_checkpointing": False,
    "logging_steps": 1,
    "save_steps": 1,
    "max_grad_norm": 0.0,
    "optim": "sgd",
}
TWO = {"multi_gpu": True, "num_processes": 2}


def trained(run_dir: Path, batch: int, accelerate: dict[str, Any] | None) -> dict[str, Any]:
    folder = run_dir / "rounds" / "0001"
    if not folder.exists():
        round_of(run_dir, 1, 8)
    args = {**ARGS, "per_device_train_batch_size": batch}
    config = TrainerConfig(args=args, held_out_pairs=0.25, accelerate=accelerate)
    return train(folder, config, FIRST, FIRST, 0)[1]


def weights(run_dir: Path) -> dict[str, torch.Tensor]:
    return load_file(run_dir / "rounds" / "0001" / "policy" / "model.safetensors")


def test_two_processes_train_on_the_same_pairs_and_go_on_after_one_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    one = trained(tmp_path / "one", 2, None)
    launch = trainer.stage.launcher

    def killed(config: TrainerConfig) -> list[str]:
        return [*launch(config), killing, json.dumps({"after": 2, "rank": 1})]

    with monkeypatch.context() as patch:
        patch.setattr(trainer.stage, "launcher", killed)
        with pytest.raises(ChildKilled, match="the training's process 1 of 2 was ended by SIGKILL"):
            trained(tmp_path / "two", 1, TWO)
    assert not (tmp_path / "two/rounds/0001/policy").exists(), "nothing is taken over"
    two = trained(tmp_path / "two", 1, TWO)
    same = ("pairs", "held_out_pairs", "held_out_n", "steps", "too_long")
    assert {name: two[name] for name in same} == {name: one[name] for name in same}
    assert two["steps"] == 4 and two["held_out_accuracy"] is not None
    losses = [[point["loss"] for point in facts["curves"]] for facts in (one, two)]
    assert losses[1] == pytest.approx(losses[0], abs=2e-3)
    first, alone, together = (
        load_file(Path(FIRST.model) / "model.safetensors"),
        weights(tmp_path / "one"),
        weights(tmp_path / "two"),
    )
    moved = sum(float((alone[name] - first[name]).norm() ** 2) for name in first) ** 0.5
    apart = sum(float((alone[name] - together[name]).norm() ** 2) for name in first) ** 0.5
    assert moved > 0 and apart < 0.02 * moved
