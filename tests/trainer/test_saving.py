"""What a training leaves: weights before figures, and in all else the policy that was trained."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from killing import forked
from policies import PHI, TRAITS, write_policy
from replays import round_of
from safetensors.torch import load_file, save_file

import trainer.stage
from rounds.errors import WorkFailed
from rounds.files import read_json, write_json
from rounds.settings import locate
from rounds.weights import Policy, adapter_base, local_policy, weights_hash
from trainer.checkpoints import checkpoint_to_resume
from trainer.config import TrainerConfig
from trainer.stage import train

pytestmark = pytest.mark.slow

FIRST = local_policy(locate("prefloop:starter/policy"))
ARGS = {
    "learning_rate": 1e-3,
    "max_steps": 2,
    "per_device_train_batch_size": 4,
    "gradient_checkpointing": False,
    "save_steps": 1,
}


@pytest.fixture(scope="module", autouse=True)
def trl() -> None:
    """Imported once, with one thread: the trainings are forks."""
    torch.set_num_threads(1)
    import trainer.train_child  # noqa: F401


def trained(
    run_dir: Path, policy: Policy = FIRST, kill: dict[str, Any] | None = None, **given: Any
) -> dict[str, Any]:
    """The facts of a training on eight pairs."""
    folder = run_dir / "rounds" / "0001"
    if not folder.exists():
        round_of(run_dir, 1, 8)
    config = TrainerConfig(args={**ARGS, **given.pop("args", {})}, held_out_pairs=0.25, **given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.stage, "run_child", forked(kill))
        return train(folder, config, policy, policy, 0)[1]


def saved(run_dir: Path) -> Path:
    return run_dir / "rounds" / "0001" / "policy"


def test_precomputed_reference_log_probabilities_change_nothing(tmp_path: Path):
    plain = trained(tmp_path / "plain")
    facts = trained(tmp_path / "ahead", args={"precompute_ref_log_probs": True})
    assert facts["kl_per_token"] == pytest.approx(plain["kl_per_token"], rel=1e-3) != 0
    assert facts["not_measured"] == {} and facts["held_out_n"] == 2
    ahead, weights = (load_file(saved(tmp_path / name) / "model.safetensors") for name in NAMES)
    assert all(torch.allclose(ahead[name], weights[name], atol=1e-5) for name in weights)


NAMES = ("ahead", "plain")


@pytest.mark.parametrize("name", ["phi", "gpt2"])
def test_the_next_policy_is_sampled_and_written_as_the_one_before(tmp_path: Path, name: str):
    """A generation config that transformers refuses to save, several ends, no padding token."""
    folder = write_policy(tmp_path / name, TRAITS[name], do_sample=False, temperature=0.7)
    facts = trained(tmp_path / "run", local_policy(folder))
    assert facts["steps"] == 2 and facts["pairs"] == 6
    new = saved(tmp_path / "run")
    same = ("generation_config.json", "tokenizer.json", "chat_template.jinja")
    for file in same:
        assert (new / file).read_bytes() == (folder / file).read_bytes()
    before, after = (read_json(each / "tokenizer_config.json") for each in (folder, new))
    assert after.get("pad_token") == before.get("pad_token")
    for special in ("eos_token_id", "pad_token_id", "bos_token_id"):
        values = [read_json(each / "config.json").get(special) for each in (folder, new)]
        assert values[0] == values[1]
    weights = [load_file(each / "model.safetensors") for each in (folder, new)]
    assert any(not torch.equal(weights[0][part], weights[1][part]) for part in weights[0])


def test_a_figure_that_cannot_be_taken_costs_no_weights(tmp_path: Path):
    for _ in range(2):
        with pytest.raises(ChildProcessError, match="status 9"):
            trained(tmp_path / "run", kill={"measuring": True})
    work = next((tmp_path / "run/rounds/0001/work").glob("train-*"))
    weights = (work / "policy" / "model.safetensors").read_bytes()
    facts = trained(tmp_path / "run")
    assert facts["kl_per_token"] is None and facts["held_out_accuracy"] is None
    assert set(facts["not_measured"]) == {"kl_per_token", "held_out_accuracy"}
    assert (saved(tmp_path / "run") / "model.safetensors").read_bytes() == weights


def test_weights_that_are_not_those_saved_end_the_training(tmp_path: Path):
    from transformers import AutoModelForCausalLM

    from trainer.resuming import check_loaded

    folder = write_policy(tmp_path / "phi", PHI)
    model = AutoModelForCausalLM.from_pretrained(folder)
    check_loaded(model, folder)
    with torch.no_grad():
        model.model.norm.weight[3] += 1e-6
    with pytest.raises(WorkFailed, match=r"phi: model.norm.weight is not in memory as it was"):
        check_loaded(model, folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    stored = load_file(folder / "model.safetensors")
    del stored["model.norm.weight"]
    save_file(stored, folder / "model.safetensors")
    with pytest.raises(WorkFailed, match="model.norm.weight"):
        check_loaded(model, folder)


def test_an_adapter_is_checked_as_well(tmp_path: Path):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from trainer.resuming import check_loaded

    base = AutoModelForCausalLM.from_pretrained(write_policy(tmp_path / "phi", PHI))
    model = get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"]))
    model.save_pretrained(tmp_path / "adapter")
    check_loaded(model, tmp_path / "adapter")
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight += 1e-6
    with pytest.raises(WorkFailed, match=r"lora_B.* is not in memory as it was saved"):
        check_loaded(model, tmp_path / "adapter")


def checkpoint(folder: Path, step: int, processes: int = 1) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    ranks = (
        ["rng_state.pth"] if processes == 1 else [f"rng_state_{n}.pth" for n in range(processes)]
    )
    for name in ("optimizer.pt", "scheduler.pt", *ranks):
        torch.save({"a": torch.ones(1000)}, path / name)
    write_json(path / "trainer_state.json", {"global_step": step})
    return path


def test_only_a_checkpoint_that_leads_to_the_same_weights_is_taken_up(tmp_path: Path):
    plain = SimpleNamespace(save_only_model=False, sync_ref_model=False)
    rows = [{"prompt_ids": [1], "chosen_ids": [2], "rejected_ids": [3], "pair_id": "p"}]

    def found(args: Any = plain, rows: Any = rows, processes: int = 1) -> str | None:
        name = checkpoint_to_resume(tmp_path, args, rows, processes, False)
        return name and Path(name).name

    checkpoint(tmp_path, 9)
    assert found() is None, "of code that did not write down what it was trained on"
    assert not list(tmp_path.glob("checkpoint-*"))
    for step in (1, 2, 3, 10):
        last = checkpoint(tmp_path, step)
    assert found() == "checkpoint-10"
    whole = (last / "optimizer.pt").read_bytes()
    (last / "optimizer.pt").write_bytes(whole[: len(whole) // 2])
    assert found() == "checkpoint-3" and not last.exists()
    (tmp_path / "checkpoint-3" / "trainer_state.json").write_text('{"global_st')
    (tmp_path / "checkpoint-2" / "rng_state.pth").unlink()
    assert found() == "checkpoint-1"
    assert found(rows=[rows[0] | {"chosen_ids": [7]}]) is None
    for lost in ("save_only_model", "sync_ref_model"):
        checkpoint(tmp_path, 4)
        assert found(SimpleNamespace(**{**vars(plain), lost: True}), [*rows, *rows]) is None
    assert found(processes=2) is None
    two = checkpoint(tmp_path, 5, processes=2)
    assert found(processes=2) == "checkpoint-5"
    (two / "rng_state_1.pth").unlink()
    assert found(processes=2) is None


def test_equal_adapters_of_two_runs_have_one_id_wherever_the_runs_lie(tmp_path: Path):
    """The first is trained on a policy of its own run; then it is trained further."""
    hashes = []
    for place in ("a", "b/c"):
        before = tmp_path / place / "demo" / "rounds" / "0000" / "policy"
        shutil.copytree(FIRST.model, before)
        lora = {"r": 2, "target_modules": "all-linear"}
        trained(tmp_path / place / "demo", local_policy(before), lora=lora)
        adapter = saved(tmp_path / place / "demo")
        assert adapter_base(adapter) == str(before)
        again = tmp_path / place / "again"
        trained(again, local_policy(before, adapter))
        hashes.append((weights_hash(adapter), weights_hash(saved(again))))
        assert read_json(saved(again) / "adapter_config.json")["base_model_name_or_path"] == str(
            before
        )
    assert hashes[0][0] == hashes[1][0]
    assert hashes[0][1] != hashes[1][1], "a base of another run is named by its own place"
