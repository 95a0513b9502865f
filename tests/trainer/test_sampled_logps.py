"""The reference's log-probabilities that came with the answers, in the place of a second model.

One step with them is TRL's own step, for every loss of TRL 1.16: where a version of TRL reads the
reference otherwise, these tests say so.
"""

import gc
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from datasets import Dataset
from killing import forked
from policies import QWEN, write_policy
from pytest import approx
from replays import round_of
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from trl import DPOConfig

import trainer.reference_logps
import trainer.stage
from rounds.errors import UserError
from rounds.rows import CANDIDATES
from rounds.tables import read_rows, write_rows
from rounds.weights import Policy, local_policy
from trainer.build import build
from trainer.config import TrainerConfig
from trainer.methods.dpo import TokenTrainer, precomputes
from trainer.sampled_logps import TOLERANCE, Errors, logit_error, rows_to_measure, with_sums
from trainer.spread import check_sharded
from trainer.stage import train

pytestmark = pytest.mark.slow

LOSSES: dict[str, dict[str, Any]] = {
    **{
        loss: {"loss_type": [loss]}
        for loss in (
            "sigmoid hinge ipo nca_pair robust bco_pair sppo_hard aot aot_unpaired apo_zero "
            "apo_down discopop sigmoid_norm"
        ).split()
    },
    "exo_pair": {"loss_type": ["exo_pair"], "label_smoothing": 0.01},
    "mixed": {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.2]},
    "wpo": {"use_weighting": True},
    "forward_kl": {"f_divergence_type": "forward_kl"},
    "js_divergence": {"f_divergence_type": "js_divergence"},
}


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Policy, Policy]:
    """The policy that is trained, and one that is a little elsewhere."""
    torch.set_num_threads(1)
    import trainer.train_child  # noqa: F401

    folder = tmp_path_factory.mktemp("policies")
    policy = local_policy(write_policy(folder / "policy", QWEN))
    other = write_policy(folder / "other", QWEN)
    model = AutoModelForCausalLM.from_pretrained(other, dtype="float32")
    torch.manual_seed(5)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.02 * torch.randn_like(weight)
    model.save_pretrained(other)
    return policy, local_policy(other)


def sampled_by(policy: Policy, count: int = 12, off: float = 0.0) -> list[dict[str, Any]]:
    """Pairs with the sums that the policy gives their answers, moved by `off` nats by turns."""
    model = AutoModelForCausalLM.from_pretrained(policy.model, dtype="float32").eval()
    draw = torch.Generator().manual_seed(1)
    rows = []
    for number in range(count):
        ids = {
            name: torch.randint(3, 250, (length,), generator=draw).tolist()
            for name, length in (("prompt", 5), ("chosen", 4 + number % 5), ("rejected", 7))
        }
        likely = {}
        for turn, side in enumerate(("chosen", "rejected")):
            whole = torch.tensor([ids["prompt"] + ids[side]])
            with torch.no_grad():
                logps = model(whole).logits[0, 4:-1].double().log_softmax(-1)
            total = float(logps.gather(1, whole[0, 5:, None]).sum())
            likely[side] = (policy.policy_id, total + off * (-1) ** (turn + number))
        row = {f"{name}_ids": some for name, some in ids.items()}
        rows.append(row | {"pair_id": str(number), "extra": False, "logprobs": likely})
    return rows


def job(policy: Policy, reference: Policy, lora: Any = None, **args: Any) -> dict[str, Any]:
    given = {"learning_rate": 1e-3, "per_device_train_batch_size": 4, "max_steps": 1, "seed": 0}
    return {
        "method": "dpo",
        "policy": policy._asdict(),
        "reference": reference._asdict(),
        "lora": lora,
        "args": {**given, "gradient_checkpointing": False, "report_to": "none", **args},
    }


def step(trainer: Any) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss and the gradients of the first batch, in float32."""
    batch = trainer._prepare_inputs(next(iter(trainer.get_train_dataloader())))
    trainer.model.train()
    loss = trainer.compute_loss(trainer.model, batch)
    loss.backward()
    named = trainer.model.named_parameters()
    return float(loss), {name: w.grad.clone() for name, w in named if w.grad is not None}


def assert_same_update(one: Any, other: Any) -> None:
    (loss, gradients), (its_loss, its_gradients) = step(one), step(other)
    assert loss == approx(its_loss, rel=1e-3)
    assert gradients.keys() == its_gradients.keys() != set()
    apart = sum(((gradients[name] - its_gradients[name]) ** 2).sum() for name in gradients)
    size = sum((gradient**2).sum() for gradient in its_gradients.values())
    assert float(apart / size) ** 0.5 < 1e-3 and size > 0


@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_with_what_was_sampled_is_trls_own_step(
    tmp_path: Path, policies: tuple[Policy, Policy], loss: str
):
    """The reference is another model than the policy: at the policy's own the losses are flat."""
    policy, reference = policies
    rows = sampled_by(reference)
    ours = build(job(policy, reference, **LOSSES[loss]), rows, [], tmp_path / "ours")
    facts = ours.reference_facts
    assert facts["logprobs"] == "sampled" and facts["pairs_sampled"] == len(rows)
    assert facts["gap"]["logit_error"] < 1e-3 and ours.ref_model is None
    in_steps = {"precompute_ref_log_probs": False, **LOSSES[loss]}
    theirs = build(job(policy, reference, **in_steps), rows, [], tmp_path / "theirs")
    assert theirs.reference_facts["logprobs"] == "each step" and theirs.ref_model is not None
    assert_same_update(ours, theirs)


def test_an_adapter_is_trained_as_with_trls_own_pass(tmp_path: Path, policies):
    policy, _ = policies
    rows, lora = sampled_by(policy), {"r": 4, "lora_dropout": 0.0, "init_lora_weights": False}
    in_steps = {"precompute_ref_log_probs": False}
    trainers = []
    for name, args in (("ours", {}), ("theirs", in_steps)):
        torch.manual_seed(3)
        trainers.append(build(job(policy, policy, lora, **args), rows, [], tmp_path / name))
    assert trainers[0].reference_facts["logprobs"] == "sampled"
    assert_same_update(*trainers)


def test_sums_that_are_too_far_off_are_not_used(tmp_path: Path, policies):
    policy, reference = policies
    near, far = (sampled_by(reference, off=nats) for nats in (0.1, 0.6))
    given = job(policy, reference)
    assert build(given, near, [], tmp_path / "near").reference_facts["logprobs"] == "sampled"
    trainer = build(given, far, far[:3], tmp_path / "far")
    facts = trainer.reference_facts
    assert facts["logprobs"] == "one pass" and facts["pairs_passed"] == len(far)
    assert facts["gap"]["logit_error"] > facts["gap"]["tolerance"] == TOLERANCE
    assert "off by" in facts["why"]
    right = sampled_by(reference)
    for dataset, rows in ((trainer.train_dataset, right), (trainer.eval_dataset, right[:3])):
        for side in ("chosen", "rejected"):
            wanted = [row["logprobs"][side][1] for row in rows]
            assert dataset[f"ref_{side}_logps"] == approx(wanted, abs=1e-3)


def test_what_another_policy_sampled_or_nobody_is_passed_through_the_reference(
    tmp_path: Path, policies
):
    policy, reference = policies
    rows = sampled_by(reference)
    wanted = [row["logprobs"]["rejected"][1] for row in rows]
    rows[0]["logprobs"] = {}
    rows[1]["logprobs"] = {"chosen": rows[1]["logprobs"]["chosen"]}
    for side in ("chosen", "rejected"):
        rows[2]["logprobs"][side] = (policy.policy_id, -1.0)
    trainer = build(job(policy, reference), rows, [], tmp_path / "out")
    facts = trainer.reference_facts
    assert (facts["pairs_sampled"], facts["pairs_passed"]) == (len(rows) - 3, 3)
    assert trainer.train_dataset["ref_rejected_logps"] == approx(wanted, abs=1e-3)


def test_an_argument_that_needs_single_tokens_has_one_pass(tmp_path: Path, policies):
    policy, reference = policies
    rows = sampled_by(reference)
    ours = build(job(policy, reference, ld_alpha=0.5), rows, [], tmp_path / "ours")
    assert ours.reference_facts["logprobs"] == "one pass"
    assert "ld_alpha" in ours.reference_facts["why"]
    in_steps = {"precompute_ref_log_probs": False, "ld_alpha": 0.5}
    assert_same_update(ours, build(job(policy, reference, **in_steps), rows, [], tmp_path / "its"))


def test_a_reference_that_moves_is_asked_in_every_step(tmp_path: Path, policies):
    policy, reference = policies
    trainer = build(
        job(policy, reference, sync_ref_model=True), sampled_by(reference), [], tmp_path
    )
    assert trainer.reference_facts == {"logprobs": "each step"}
    assert trainer.ref_model is not None


def test_no_second_model_is_kept(tmp_path: Path, policies, monkeypatch: pytest.MonkeyPatch):
    policy, reference = policies
    seen: list[Any] = []
    original = TokenTrainer._precompute_ref_logps

    def spied(self: Any, *given: Any) -> Dataset:
        seen.append(weakref.ref(self.ref_model))
        return original(self, *given)

    monkeypatch.setattr(TokenTrainer, "_precompute_ref_logps", spied)
    trainer = build(job(policy, reference), sampled_by(reference), [], tmp_path)
    assert trainer.args.precompute_ref_log_probs and trainer.reference_let_go
    gc.collect()
    assert [one() for one in seen] == [None]


@pytest.mark.parametrize("told", ["ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"])
def test_what_trl_would_precompute_in_parts_is_refused_whatever_asked_for_it(
    monkeypatch: pytest.MonkeyPatch, told: str
):
    given = {"use_cpu": True, "bf16": False, "output_dir": "none"}
    each, once = (DPOConfig(**given, precompute_ref_log_probs=one) for one in (False, True))
    check_sharded("dpo", once)
    assert precomputes(each)
    monkeypatch.setenv(told, "true")  # as accelerate does, by a file of its own
    assert not precomputes(each)
    with pytest.raises(UserError, match="precompute_ref_log_probs: TRL 1.16 keeps"):
        check_sharded("dpo", once)


def test_trl_still_reads_the_names_that_are_given():
    assert "precompute_ref_log_probs" in DPOConfig.__dataclass_fields__
    row = {"pair_id": "a", "logprobs": {"chosen": ("p", -2.0), "rejected": ("q", -3.0)}}
    assert with_sums([row], "p") == [
        {"pair_id": "a", "sampled_chosen_logps": -2.0, "sampled_rejected_logps": None}
    ]


def test_the_error_is_in_units_of_the_loss():
    errors = [Errors(0.3, -0.2, 10, 5), Errors(0.0, 0.0, 10, 5)]
    assert logit_error(errors, 0.1, ["sigmoid"]) == approx(0.05 / 2**0.5)
    assert logit_error(errors, 5.0, ["sigmoid_norm"]) == approx(5 * 0.07 / 2**0.5)
    assert logit_error(errors, 5.0, ["sigmoid_norm", "sigmoid"]) == approx(2.5 / 2**0.5)
    assert logit_error([], 0.1, ["sigmoid"]) == 0.0


@pytest.mark.parametrize(("own", "used"), [(-2.0, "sampled"), (float("nan"), "one pass")])
def test_a_gap_that_is_no_number_is_too_wide(monkeypatch: pytest.MonkeyPatch, own, used):
    passes = [[own] * 4, [-3.0] * 4]
    monkeypatch.setattr(trainer.reference_logps, "one_pass", lambda *_: passes)
    row = {"sampled_chosen_logps": -2.0, "sampled_rejected_logps": -3.0}
    row |= {"chosen_ids": [1], "rejected_ids": [1]}
    arguments = SimpleNamespace(ld_alpha=None)
    asked = SimpleNamespace(args=arguments, beta=0.1, loss_types=["sigmoid"])
    found = trainer.reference_logps._measured(asked, None, [row] * 4, [0, 1, 2, 3], 4)
    assert found["logprobs"] == used


def test_a_tenth_is_measured_spread_over_all():
    assert rows_to_measure([7]) == [7]
    assert rows_to_measure(range(40)) == [0, 10, 20, 30]
    assert len(rows_to_measure(range(200))) == 20 and len(rows_to_measure(range(9999))) == 32


def test_a_round_takes_what_came_with_its_answers_and_a_kill_costs_no_weight(
    tmp_path: Path, policies
):
    """From the candidates' table to the trained weights, by the trainer stage."""
    policy, _ = policies
    args = {"learning_rate": 1e-3, "max_steps": 3, "save_steps": 1, "logging_steps": 1}
    small = {"per_device_train_batch_size": 2, "gradient_checkpointing": False}
    config = TrainerConfig(args={**args, **small}, held_out_pairs=0.25)
    weights = []
    for name, kill in (("whole", None), ("killed", {"after": 2})):
        folder = round_of(tmp_path / name, 1, 8)
        rows = sampled_by(policy, 8)
        for number, row in enumerate(read_rows(folder, CANDIDATES)):
            side, made = ("chosen", "rejected")[number % 2], rows[number // 2]
            _, total = made["logprobs"][side]
            row |= {"token_ids": made[f"{side}_ids"], "prompt_token_ids": made["prompt_ids"]}
            rows[number // 2].setdefault("candidates", []).append(
                row | {"logprob": total, "policy_id": policy.policy_id}
            )
        write_rows(folder, CANDIDATES, [one for row in rows for one in row["candidates"]])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(trainer.stage, "run_child", forked(kill))
            if kill is not None:
                with pytest.raises(ChildProcessError, match="status 9"):
                    train(folder, config, policy, policy, 0)
                patch.setattr(trainer.stage, "run_child", forked(None))
            _, facts = train(folder, config, policy, policy, 0)
        assert facts["reference"]["logprobs"] == "sampled"
        assert facts["reference"]["pairs_sampled"] == 6 and facts["held_out_n"] == 2
        assert facts["steps"] == 3 and facts["kl_held_out"] and facts["not_measured"] == {}
        assert {"grad_norm", "logps/chosen"} <= facts["curves"][0].keys()
        weights.append(load_file(folder / "policy" / "model.safetensors"))
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
