"""Weights that are spread over processes: they come back whole, as those of a plain training."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from replays import round_of
from safetensors.torch import load_file
from sharding import __file__ as sharding

import trainer.stage
from rounds.errors import UserError
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
    "max_steps": 3,
    "gradient_checkpointing": False,
    "logging_steps": 1,
    "save_steps": 2,
    "max_grad_norm": 0.0,
    "optim": "sgd",
}
FSDP = {
    "use_fsdp": True,
    "num_processes": 2,
    "fsdp_version": 2,
    "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
    "fsdp_cpu_ram_efficient_loading": False,  # which asks for a device
    "fsdp_sync_module_states": False,
    "mixed_precision": "no",
}


def trained(run_dir: Path, batch: int, **given: Any) -> dict[str, Any]:
    folder = run_dir / "rounds" / "0001"
    if not folder.exists():
        round_of(run_dir, 1, 8)
    args = {**ARGS, "per_device_train_batch_size": batch, **given.pop("args", {})}
    config = TrainerConfig(args=args, held_out_pairs=0.25, **given)
    return train(folder, config, FIRST, FIRST, 0)[1]


def weights(run_dir: Path) -> dict[str, torch.Tensor]:
    return load_file(run_dir / "rounds" / "0001" / "policy" / "model.safetensors")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run trained in one process, and the facts of it."""
    run_dir = tmp_path_factory.mktemp("plain")
    return run_dir, trained(run_dir, 2)


@pytest.mark.parametrize(
    ("version", "kept"),
    [(2, "SHARDED_STATE_DICT"), (2, "FULL_STATE_DICT"), (1, "FULL_STATE_DICT")],
)
def test_sharded_weights_come_back_whole(
    plain: tuple[Path, dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: int,
    kept: str,
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (there, facts), launch = plain, trainer.stage.launcher
    monkeypatch.setattr(trainer.stage, "launcher", lambda config: [*launch(config), sharding])
    given = {**FSDP, "fsdp_version": version, "fsdp_state_dict_type": kept}
    sharded = trained(tmp_path, 1, accelerate=given)
    assert sharded["steps"] == facts["steps"] == 3
    losses = [[point["loss"] for point in one["curves"]] for one in (facts, sharded)]
    assert losses[1] == pytest.approx(losses[0], abs=2e-3)
    ours, theirs = weights(tmp_path), weights(there)
    head = ours.pop("lm_head.weight")  # tied: gathered, it is a tensor of its own
    assert torch.equal(head, ours["model.embed_tokens.weight"])
    assert {name: (one.shape, one.dtype) for name, one in ours.items()} == {
        name: (one.shape, one.dtype) for name, one in theirs.items()
    }
    before = load_file(Path(FIRST.model) / "model.safetensors")
    moved = sum(float((theirs[name] - before[name]).norm() ** 2) for name in before) ** 0.5
    apart = sum(float((theirs[name] - ours[name]).norm() ** 2) for name in before) ** 0.5
    assert moved > 0 and apart < 0.02 * moved


@pytest.mark.parametrize(("version", "loads"), [(1, False), (2, False), (2, True)])
def test_an_adapter_is_trained_in_parts_as_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, loads: bool
):
    """The reference is the policy without it, whichever process has loaded the weights."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    launch, lora = trainer.stage.launcher, {"r": 4, "target_modules": "all-linear"}
    whole = trained(tmp_path / "whole", 2, lora=lora)
    monkeypatch.setattr(trainer.stage, "launcher", lambda config: [*launch(config), sharding])
    given = FSDP | {"fsdp_version": version, "fsdp_cpu_ram_efficient_loading": loads}
    parts = trained(tmp_path / "parts", 1, lora=lora, accelerate=given)
    losses = [[point["loss"] for point in one["curves"]] for one in (whole, parts)]
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)


def test_a_reference_of_zeros_is_refused_whatever_asked_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    launch, told = trainer.stage.launcher, tmp_path / "accelerate.yaml"
    monkeypatch.setattr(trainer.stage, "launcher", lambda config: [*launch(config), sharding])
    loading = FSDP | {"fsdp_cpu_ram_efficient_loading": True}
    words: dict[str, Any] = {
        name: value if name == "fsdp_auto_wrap_policy" else str(value).lower()
        for name, value in loading.items()
        if name.startswith("fsdp_")
    }
    told.write_text(
        json.dumps(
            {
                **{"compute_environment": "LOCAL_MACHINE", "distributed_type": "FSDP"},
                **{"num_processes": 2, "num_machines": 1, "mixed_precision": "no"},
                "fsdp_config": words,
            }
        )
    )
    with pytest.raises(UserError, match="false is wanted: with FSDP 2 only the first process"):
        trained(tmp_path, 1, accelerate={"config_file": str(told), "num_processes": 2})


def test_a_cpu_on_which_accelerate_would_not_shard_is_said(tmp_path: Path):
    with pytest.raises(UserError, match="use_fsdp: .* shards over GPUs alone"):
        trained(tmp_path, 1, accelerate=FSDP)
