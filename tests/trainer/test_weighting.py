"""Weights of rows in TRL's own DPOTrainer: the gradient is that of the weighted loss."""

from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from killing import forked
from replays import round_of

from rounds.files import read_json
from rounds.rows import PAIRS
from rounds.settings import locate
from rounds.tables import read_rows, write_rows
from rounds.weights import local_policy
from trainer.config import MIXING, TrainerConfig
from trainer.stage import train

pytestmark = pytest.mark.slow

FIRST = local_policy(locate("prefloop:starter/policy"))
LOSSES = [
    *("sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard"),
    *("apo_zero", "apo_down", "discopop", "sigmoid_norm"),
]
WEIGHTS = [0.0, 0.5, 2.5]
IDS = ([5, 6, 7], [8, 9], [10, 11, 12, 13]), ([5, 6], [9, 9, 9], [8]), ([7, 8], [12], [14, 15])


def rows(weights: list[float] | None) -> list[dict[str, Any]]:
    names = ("prompt_ids", "chosen_ids", "rejected_ids")
    made = [dict(zip(names, ids, strict=True)) for ids in IDS]
    return [
        row if weights is None else row | {"weight": weight}
        for row, weight in zip(made, weights or [0] * 3, strict=True)
    ]


@pytest.fixture(scope="module")
def trainer_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The project's own trainer on the starter's policy, moved a little from its reference."""
    torch.set_num_threads(1)
    from trainer.build import build

    job = {
        "method": "dpo",
        "policy": FIRST._asdict(),
        "reference": FIRST._asdict(),
        "args": {
            "gradient_checkpointing": False,
            "report_to": "none",
            "disable_dropout": True,
            "precompute_ref_log_probs": False,  # the batches here come from no dataset
        },
        "lora": None,
    }
    made = build(job, rows(WEIGHTS), [], tmp_path_factory.mktemp("out"))
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in made.model.parameters():
            weight += 0.01 * torch.randn_like(weight)
    made.model.train()
    return made


def step(trainer: Any, given: list[dict[str, Any]], **settings: Any) -> tuple[float, torch.Tensor]:
    """The loss of a batch and the gradient of all weights."""
    trainer.loss_types = settings.get("loss_types", ["sigmoid"])
    trainer.loss_weights = [1.0] * len(trainer.loss_types)
    trainer.label_smoothing = 0.1
    trainer.ld_alpha = settings.get("ld_alpha")
    trainer.model.zero_grad()
    loss = trainer.compute_loss(trainer.model, trainer.data_collator(given))
    loss.backward()
    gradients = [weight.grad.flatten() for weight in trainer.model.parameters()]
    return loss.item(), torch.cat(gradients)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradient_is_that_of_the_rows_by_their_weights(trainer_of: Any, loss: str):
    given = {"loss_types": [loss]}
    alone = [step(trainer_of, [row], **given)[1] for row in rows(None)]
    expected = sum(w * one for w, one in zip(WEIGHTS, alone, strict=True)) / 3
    _, weighted = step(trainer_of, rows(WEIGHTS), **given)
    assert torch.linalg.norm(weighted - expected) <= 1e-4 * torch.linalg.norm(expected)


def test_every_loss_of_trls_is_one_of_these_or_refused():
    from trl import DPOConfig

    text = str(DPOConfig.__dataclass_fields__["loss_type"].metadata.get("help"))
    text += str(DPOConfig.__doc__) + str(get_args(DPOConfig.__annotations__["loss_type"]))
    named = {name for name in (*LOSSES, *MIXING, "sft") if f"'{name}'" in text}
    assert named == {*LOSSES, *MIXING, "sft"}


def test_the_tokens_of_an_sft_term_count_by_their_rows_weight(trainer_of: Any):
    alone = [step(trainer_of, [row], loss_types=["sft"])[1] for row in rows(None)]
    tokens = [len(ids[1]) for ids in IDS]
    parts = zip(WEIGHTS, tokens, alone, strict=True)
    expected = sum(w * n * one for w, n, one in parts) / sum(tokens)
    _, weighted = step(trainer_of, rows(WEIGHTS), loss_types=["sft"])
    assert torch.linalg.norm(weighted - expected) <= 1e-4 * torch.linalg.norm(expected)


@pytest.mark.parametrize("given", [{}, {"loss_types": ["sigmoid", "sft"]}, {"ld_alpha": 0.5}])
def test_weights_of_one_change_no_bit_and_the_loss_is_logged_as_without(trainer_of: Any, given):
    plain, ones = (step(trainer_of, rows(w), **given) for w in (None, [1.0] * 3))
    assert plain[0] == ones[0] and torch.equal(plain[1], ones[1])
    assert step(trainer_of, rows(WEIGHTS), **given)[0] == plain[0]


def test_a_row_of_weight_zero_teaches_nothing(trainer_of: Any):
    loss, gradient = step(trainer_of, rows([0.0] * 3))
    assert loss > 0 and not gradient.any()
    first, second = (rows([0.0, 1.0, 1.0]) for _ in range(2))
    second[0] |= {"chosen_ids": [20, 21], "rejected_ids": [22, 23, 24]}
    _, one = step(trainer_of, first)
    _, other = step(trainer_of, second)
    assert torch.linalg.norm(one - other) <= 1e-5 * torch.linalg.norm(one)


def test_a_held_out_row_is_weighed_as_any(trainer_of: Any):
    batch = trainer_of.data_collator(rows(None))
    assert "weight" not in batch
    with torch.no_grad():
        weighted = trainer_of.compute_loss(
            trainer_of.model, trainer_of.data_collator(rows(WEIGHTS))
        )
        assert weighted == trainer_of.compute_loss(trainer_of.model, batch)


def test_a_weighted_training_says_its_weights_and_ends_elsewhere(tmp_path: Path):
    from safetensors.torch import load_file

    torch.set_num_threads(1)
    import trainer.train_child  # noqa: F401

    weights = []
    for name, given in (("plain", None), ("weighed", {"by": "probability"})):
        folder = round_of(tmp_path / name, 1, 8)
        pairs = read_rows(folder, PAIRS)
        sure = [0.5 if place < 4 else 0.9 for place in range(8)]
        given_rows = zip(pairs, sure, strict=True)
        write_rows(folder, PAIRS, [row | {"probability": value} for row, value in given_rows])
        args = {"max_steps": 2, "per_device_train_batch_size": 4, "gradient_checkpointing": False}
        config = TrainerConfig(
            args={**args, "learning_rate": 1e-3, "report_to": "none"},
            held_out_pairs=0,
            weights=given,
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(trainer.stage, "run_child", forked(None))
            _, facts = train(folder, config, FIRST, FIRST, 0)
        assert read_json(next(folder.glob("work/train-*/job.json"))).get("weights") or not given
        if given:
            said = {"least": 0, "largest": 2, "zero": 4, "without_probability": 0}
            assert facts["weights"] == said
        weights.append(load_file(folder / "policy" / "model.safetensors"))
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
