"""Training on a Ray cluster of two nodes: as two processes of one machine, whoever is killed."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from killing import __file__ as killing
from ray_cluster import RayCluster, kill_driver, ray_cluster
from replays import round_of
from safetensors.torch import load_file

import trainer.stage
from endpoints.children import ChildFailed
from rounds.errors import UserError
from rounds.settings import locate
from rounds.weights import Policy, local_policy
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
    "per_device_train_batch_size": 1,
}
LONGEST = 400.0
"""Seconds that Ray has to notice a death."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with ray_cluster({"num_cpus": 1}, {"num_cpus": 1}) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def whole(cluster: RayCluster, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The run of a training that nobody disturbed, its facts and its notes of progress."""
    run_dir, notes = tmp_path_factory.mktemp("whole"), []
    facts = trained(run_dir, on(cluster), notes=notes)
    return run_dir, (facts, notes)


def on(cluster: RayCluster) -> dict[str, Any]:
    settings = {"address": cluster.address, "workers": 2, "resources": {"CPU": 1}}
    return {"ray": settings}


def trained(
    run_dir: Path,
    launched: dict[str, Any],
    policy: Policy = FIRST,
    notes: list[str] | None = None,
    **args: Any,
) -> dict[str, Any]:
    folder = run_dir / "rounds" / "0001"
    if not folder.exists():
        round_of(run_dir, 1, 8)
    config = TrainerConfig.model_validate({"args": ARGS | args, "held_out_pairs": 0.25, **launched})

    def progress(done: int, total: int, note: str = "") -> None:
        if notes is not None:
            notes.append(f"{done} of {total}: {note}")

    return train(folder, config, policy, FIRST, 0, progress)[1]


def weights(run_dir: Path) -> dict[str, torch.Tensor]:
    return load_file(run_dir / "rounds" / "0001" / "policy" / "model.safetensors")


def log_of(run_dir: Path) -> str:
    return (run_dir / "logs" / "0001-trainer.log").read_text()


def starts(run_dir: Path) -> int:
    """How often Ray Train has started the workers."""
    return log_of(run_dir).count("Setting up process group")


def same(facts: Any, others: Any) -> None:
    """All but seconds."""
    ignored = {"seconds"}
    assert {name: facts[name] for name in facts if name not in ignored} == others


def kept(run_dir: Path, other: Path) -> None:
    ours, theirs = weights(run_dir), weights(other)
    assert ours.keys() == theirs.keys()
    assert not [name for name in ours if not torch.equal(ours[name], theirs[name])]


def test_two_nodes_train_as_two_processes_of_one_machine(
    whole: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    there, (facts, notes) = whole
    here = trained(tmp_path, {"accelerate": {"multi_gpu": True, "num_processes": 2}})
    for name in ("pairs", "held_out_pairs", "held_out_n", "steps", "too_long"):
        assert facts[name] == here[name]
    assert facts["steps"] == 4 and facts["held_out_accuracy"] is not None
    losses = [[point["loss"] for point in one["curves"]] for one in (facts, here)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    ours, theirs = weights(there), weights(tmp_path)
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, atol=1e-5, rtol=1e-4)
    assert any("of 4: loss" in note for note in notes), "rank 0 has said how far it was"
    work = there / "rounds" / "0001" / "work"
    assert not [*work.rglob("ray")], "Ray Train's own files are gone"


def test_a_worker_that_was_killed_goes_on_from_the_last_checkpoint(
    cluster: RayCluster, whole: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    launched(monkeypatch, {"after": 2, "rank": 1})
    facts = trained(tmp_path, on(cluster))
    assert starts(tmp_path) == 2
    there, (others, _) = whole
    same(facts, others)
    kept(tmp_path, there)


def test_a_driver_that_was_killed_leaves_nothing_and_the_same_command_goes_on(
    cluster: RayCluster, whole: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ended: list[Exception] = []

    def run() -> None:
        try:
            trained(tmp_path, on(cluster))
        except Exception as error:
            ended.append(error)

    with monkeypatch.context() as patch:
        launched(patch, {"hold": 2})
        running = threading.Thread(target=run)
        running.start()
        try:
            until(lambda: [*tmp_path.rglob("checkpoint-2/rng_state_1.pth")] or ended)
            assert cluster.actors() and not ended, ended
        finally:
            kill_driver("trainer.ray_launch")
            running.join(LONGEST)
    assert isinstance(ended[0], ChildFailed), ended
    until(lambda: not cluster.actors())
    facts = trained(tmp_path, on(cluster))
    there, (others, _) = whole
    same(facts, others)
    kept(tmp_path, there)


def test_what_the_training_itself_refuses_is_not_tried_again(cluster: RayCluster, tmp_path: Path):
    with pytest.raises(UserError, match="the training fell apart: its .* by step"):
        trained(tmp_path, on(cluster), learning_rate=1e30, max_grad_norm=0.0, optim="sgd")
    assert starts(tmp_path) == 1


def test_a_node_with_other_weights_is_named(cluster: RayCluster, tmp_path: Path):
    other = FIRST._replace(policy_id="0123456789abcdef")
    with pytest.raises(
        UserError, match=r"node 127\.0\.0\.1 \(.*\): .* holds other weights"
    ) as said:
        trained(tmp_path, on(cluster), policy=other)
    assert "on storage that every node has under the same path" in str(said.value)


def launched(patch: pytest.MonkeyPatch, kill: dict[str, Any]) -> None:
    """Trainings that end by SIGKILL, or wait, where `kill` says."""
    launch = trainer.stage.launcher
    patch.setattr(
        trainer.stage, "launcher", lambda config: [*launch(config), killing, json.dumps(kill)]
    )


def until(reached: Any) -> None:
    deadline = time.monotonic() + LONGEST
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.2)
