"""How a training ends: in NaN not at all, on few rows all the same, and with figures that weigh."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from replays import round_of

from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.settings import locate
from rounds.weights import local_policy

pytestmark = pytest.mark.slow

STARTER = local_policy(locate("prefloop:starter/policy"))
ARGS = {
    "per_device_train_batch_size": 2,
    "learning_rate": 1e-3,
    "num_train_epochs": 2,
    "logging_steps": 1,
    "gradient_checkpointing": False,
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def job_of(tmp_path: Path, pairs: int, held_out: float = 0.0, **args: Any) -> Path:
    """A job of the training child on a round of so many pairs."""
    path = tmp_path / "work" / "job.json"
    told = {
        "round_dir": str(round_of(tmp_path / "runs" / "demo", 1, pairs)),
        "key": "k",
        "method": "dpo",
        "policy": STARTER._asdict(),
        "reference": STARTER._asdict(),
        "args": {**ARGS, **args},
        "lora": None,
        "held_out_pairs": held_out,
        "out": str(tmp_path / "work" / "policy"),
    }
    write_json(path, told)
    return path


def trained(job: Path) -> dict[str, Any]:
    from trainer.train_child import main

    main(job)
    return read_json(job.parent / "training.json")


@pytest.mark.parametrize(
    ("method", "logging_steps"), [("dpo", 1), ("dpo", 50), ("cpo", 1), ("sft", 50)]
)
def test_a_training_that_ends_in_nan_ends_the_stage(
    tmp_path: Path, method: str, logging_steps: int
):
    job = job_of(tmp_path, 6, learning_rate=1e20, logging_steps=logging_steps)
    write_json(job, read_json(job) | {"method": method})
    with pytest.raises(UserError) as caught:
        trained(job)
    said = str(caught.value)
    assert "the training fell apart: " in said and " step " in said
    assert "a lower trainer.args.learning_rate usually helps" in said
    assert not (tmp_path / "work/training.json").exists()
    assert not (tmp_path / "work/policy").exists(), "nothing is taken over"


def test_a_round_with_few_pairs_is_trained_without_what_they_do_not_allow(tmp_path: Path):
    asked = {"eval_strategy": "steps", "dataloader_drop_last": True}
    facts = trained(job_of(tmp_path, 3, 0.1, **asked, per_device_train_batch_size=8))
    assert facts["steps"] == 2 and len(facts["adjusted"]) == 2
    assert (facts["held_out_accuracy"], facts["held_out_n"]) == (None, 0)
    assert (tmp_path / "work/policy/model.safetensors").exists()


def test_a_killed_training_whose_checkpoints_hold_weights_alone_begins_again(tmp_path: Path):
    """Without the optimizer's state it would end in other weights."""
    from safetensors.torch import load_file

    job = job_of(tmp_path, 4, save_only_model=True, save_steps=1)
    weights = []
    for _ in range(2):
        assert trained(job)["steps"] == 4
        weights.append(load_file(tmp_path / "work/policy/model.safetensors"))
        (tmp_path / "work/training.json").unlink()
        shutil.rmtree(tmp_path / "work/policy")
        shutil.rmtree(tmp_path / "work/checkpoints/checkpoint-4")  # as if killed at 3 of 4
    first, again = weights
    assert all(first[name].equal(again[name]) for name in first)


def test_the_held_out_accuracy_is_a_share_of_rows(tmp_path: Path):
    """Five held-out pairs in batches of four: the last one weighs a fifth, not a half."""
    import torch
    from transformers import AutoModelForCausalLM

    from trainer import train_child

    kept: list[Any] = []
    build = train_child.build
    train_child.build = lambda *given: kept.append(build(*given)) or kept[0]
    try:
        facts = trained(job_of(tmp_path, 10, 0.5, per_device_eval_batch_size=4))
    finally:
        train_child.build = build
    (dpo,) = kept
    first = AutoModelForCausalLM.from_pretrained(STARTER.model, dtype="float32").eval()
    policy, right = dpo.model.eval(), []

    def logp(model: Any, prompt: list[int], answer: list[int]) -> float:
        ids = torch.tensor([prompt + answer])
        with torch.no_grad():
            logprobs = model(ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        return float(logprobs.gather(1, torch.tensor(answer)[:, None]).sum())

    for row in dpo.eval_dataset:
        prompt = row["prompt_ids"]
        chosen, rejected = (
            logp(policy, prompt, row[ids]) - logp(first, prompt, row[ids])
            for ids in ("chosen_ids", "rejected_ids")
        )
        right.append(chosen > rejected)
    assert len(right) == facts["held_out_n"] == facts["held_out_pairs"] == 5
    assert facts["held_out_accuracy"] == pytest.approx(sum(right) / 5)


def test_batches_weigh_by_their_rows():
    from trainer.held_out import by_rows

    assert by_rows([0.5, 1.0], 4, 5) == (0.6, 5)
    assert by_rows([0.5, 1.0], 4, 8) == (0.75, 8)
    assert by_rows([1.0], 8, 3) == (1.0, 3)
    assert by_rows([0.25], 4, 6) == (0.25, 4), "a last batch that was dropped counts nothing"
    assert by_rows([], 4, 3) == (None, 0)


@pytest.mark.parametrize(
    ("logs", "fp16", "says"),
    [
        ({"loss": float("nan"), "grad_norm": 1.0}, False, "its loss is nan by step 3; the pairs"),
        ({"loss": 0.7, "grad_norm": float("inf")}, False, "its gradient is inf by step 3"),
        ({"loss": 0.7, "grad_norm": float("inf")}, True, None),
        ({"loss": float("-inf")}, True, "its loss is -inf by step 3"),
        ({"eval_loss": 0.5}, False, None),
        (None, False, None),
    ],
)
def test_the_first_logged_number_that_is_none_ends_it(logs: Any, fp16: bool, says: str | None):
    from trainer.finite import StopAtNotANumber

    def log() -> None:
        args, state = SimpleNamespace(fp16=fp16), SimpleNamespace(global_step=3)
        StopAtNotANumber().on_log(args, state, None, logs)

    if says is None:
        log()
    else:
        with pytest.raises(UserError, match=says):
            log()
