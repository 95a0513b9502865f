"""Which policies a reference's name stands for, and when a mean is made."""

from pathlib import Path
from typing import Any

import pytest
from builders import begun, candidate_row, confirmed, prompt_row
from configs import TREE, load
from policies import QWEN, write_policy

import trainer.reference
import trainer.stage
from flows.preflight import check_files
from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.folder import round_dir
from rounds.keep import Keep, removable
from rounds.lineage import accepted_policies
from rounds.weights import Policy, local_policy
from trainer.check import check_reference
from trainer.config import TrainerConfig
from trainer.reference import reference_id, reference_policies
from trainer.stage import train

FIRST = Policy("m", None, "p0")


def policy_of(number: int) -> dict[str, Any]:
    place = f"rounds/{number:04d}/policy"
    return {"model": place, "adapter": None, "policy_id": f"p{number}", "served": None}


def ended(run_dir: Path, number: int, began_from: int, promoted: bool = True) -> Path:
    """A finished round that trained policy p<number> from p<began_from>."""
    folder = round_dir(run_dir, number)
    before = policy_of(began_from) if began_from else FIRST._asdict()
    write_json(
        folder / "manifest.json",
        {
            "round": number,
            "policy": before,
            "initial": FIRST._asdict(),
            "trained": policy_of(number),
            "decision": {"promoted": promoted, "reasons": []},
            "in_place": policy_of(number) if promoted else before,
        },
    )
    weights = folder / "policy"
    write_json(weights / "config.json", {})
    (weights / "model.safetensors").write_bytes(b"weights")
    return folder


def accepted(run_dir: Path, in_place: int) -> list[str]:
    policy = Policy(**policy_of(in_place))
    return [one.policy_id for one in accepted_policies(run_dir, policy, FIRST)]


def test_what_was_refused_or_put_out_of_its_place_is_not_accepted(run_dir: Path):
    ended(run_dir, 1, 0)
    ended(run_dir, 2, 1, promoted=False)
    ended(run_dir, 3, 1)
    assert accepted(run_dir, 3) == ["p3", "p1", "p0"]
    ended(run_dir, 4, 1)  # p3 was rolled back to p1
    assert accepted(run_dir, 4) == ["p4", "p1", "p0"]
    ended(run_dir, 5, 2)  # p2 was promoted by hand
    assert accepted(run_dir, 5) == ["p5", "p2", "p1", "p0"]


def test_the_first_policy_counts_though_its_rounds_are_gone(run_dir: Path):
    ended(run_dir, 7, 6)
    assert accepted(run_dir, 7) == ["p7", "p6", "p0"]


def test_a_reference_by_name(run_dir: Path, monkeypatch: pytest.MonkeyPatch):
    ended(run_dir, 1, 0)
    folder, policy = round_dir(run_dir, 2), Policy(**policy_of(1))
    weights: list[Path] = []
    monkeypatch.setattr(trainer.reference, "require_weights", weights.append)
    assert reference_policies(folder, "previous", policy, FIRST) == [policy]
    assert reference_policies(folder, "initial", policy, FIRST) == [FIRST]
    both = reference_policies(folder, "average", policy, FIRST)
    assert [one.policy_id for one in both] == ["p1", "p0"] and len(weights) == 2
    alone = reference_policies(round_dir(run_dir, 1), "average", FIRST, FIRST)
    assert alone == [FIRST] and reference_id(alone) == "p0", "as it was before there were means"
    assert reference_id(both) not in ("p0", "p1") and reference_id(both) != reference_id(both[::-1])


def test_weights_that_are_gone_have_no_mean(run_dir: Path):
    (ended(run_dir, 1, 0) / "policy" / "model.safetensors").unlink()
    in_place = Policy(str(ended(run_dir, 2, 1) / "policy"), None, "p2")
    with pytest.raises(UserError, match=r"trainer.reference: average: .*0001/policy: no weights"):
        reference_policies(round_dir(run_dir, 3), "average", in_place, FIRST)


def test_the_policies_of_a_mean_are_kept(run_dir: Path):
    for number in (1, 2, 3):
        ended(run_dir, number, number - 1)
    keep = Keep(promoted=1)
    gone = [one.round for one in removable(run_dir, keep, {"trainer": {"reference": "initial"}})]
    assert gone == [1, 2]
    assert removable(run_dir, keep, {"trainer": {"reference": "average"}}) == []
    assert [one.round for one in removable(run_dir, keep, {"trainer": None})] == [1, 2]


def test_a_mean_is_made_once_and_the_training_is_told_it(run_dir: Path, monkeypatch):
    begun(run_dir, 1, pairs=[], dropped=[], prompts=[], candidates=[])
    first = ended(run_dir, 1, 0)
    start = local_policy(write_policy(run_dir.parent / "first", QWEN))
    facts = read_json(first / "manifest.json") | {"policy": start._asdict()}
    write_json(first / "manifest.json", facts)
    prompt = prompt_row()
    a, b = candidate_row(prompt, "good"), candidate_row(prompt, "bad", 1)
    folder = begun(run_dir, 2, prompts=[prompt], candidates=[a, b], verdicts=confirmed(a, b))
    build_pairs(folder, PairsConfig())
    ran: list[str] = []

    def child(module: str, job: Path, *given: Any) -> None:
        ran.append(module)
        told = read_json(job)
        out = Path(told["out"])
        write_json(out / "config.json", {})
        (out / "model.safetensors").write_bytes(module.encode())
        if module == "trainer.average":
            assert [one["policy_id"] for one in told["policies"]] == ["p1", start.policy_id]
        elif len(ran) < 3:
            assert told["reference"]["model"] == str(job.parent / "reference")
            raise KeyboardInterrupt
        else:
            write_json(job.parent / "training.json", {"pairs": 1})

    monkeypatch.setattr(trainer.stage, "run_child", child)
    monkeypatch.setattr(trainer.reference, "run_child", child)
    policy, config = Policy(**policy_of(1)), TrainerConfig(reference="average")
    policy = policy._replace(model=str(run_dir / policy.model))
    with pytest.raises(KeyboardInterrupt):
        train(folder, config, policy, start, 0)
    _, said = train(folder, config, policy, start, 0)
    assert ran == ["trainer.average", "trainer.train_child", "trainer.train_child"]
    assert said["reference"] == {"name": "average", "policies": ["p1", start.policy_id]}
    train(folder, config, policy, start, 1)  # beside a policy that another key has made
    assert ran[3:] == ["trainer.average", "trainer.train_child"]
    [told] = folder.glob("work/train-*/job.json")
    assert read_json(told)["reference"]["model"] == str(told.parent / "reference")


@pytest.mark.long
@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_a_reference_may_have_an_adapter_of_its_own(tmp_path: Path, method: str):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from trainer.build import build

    base = write_policy(tmp_path / "base", QWEN)
    adapters = []
    for number in range(2):
        torch.manual_seed(number)
        given = LoraConfig(r=4, init_lora_weights=False, task_type="CAUSAL_LM")
        model = AutoModelForCausalLM.from_pretrained(base, dtype="float32")
        get_peft_model(model, given).save_pretrained(tmp_path / str(number))
        adapters.append(local_policy(base, tmp_path / str(number))._asdict())
    args = {"max_steps": 1, "per_device_train_batch_size": 2, "logging_steps": 1}
    args |= {"gradient_checkpointing": False, "report_to": "none"}
    ids = {"prompt_ids": [5, 6], "chosen_ids": [7, 8], "rejected_ids": [9]}
    rows = [{**ids, "pair_id": str(number), "extra": False} for number in range(2)]
    logged = []
    for reference in adapters[::-1]:
        job = {"method": method, "policy": adapters[0], "reference": reference, "lora": None}
        made = build({**job, "args": args}, rows, [], tmp_path / "checkpoints")
        made.train()
        logged.append(made.state.log_history[0]["rewards/chosen"])
    assert abs(logged[0]) > 1e-3 and abs(logged[1]) < 1e-6


def test_a_name_that_is_none_is_refused_before_anything_is_spent(tmp_path: Path):
    (tmp_path / "train.jsonl").write_text('"Why?"\n')
    with pytest.raises(UserError, match=r"trainer.reference: expected previous, initial, average"):
        load(tmp_path, TREE, "trainer.reference=inital")
    config = load(tmp_path, TREE, "trainer.reference=./nowhere")
    with pytest.raises(UserError, match=r"trainer.reference: ./nowhere: no such model folder"):
        check_files(config)


def test_a_reference_reads_the_same_tokens(tmp_path: Path):
    from policies import PHI

    from rounds.tokenizers import spelling_of

    policy, alike, other = (
        local_policy(write_policy(tmp_path / name, trait))
        for name, trait in (("policy", QWEN), ("alike", QWEN), ("other", PHI))
    )
    spelling = spelling_of(policy)
    check_reference(alike, policy, spelling)
    with pytest.raises(UserError, match=r"trainer.reference: .*other: its tokenizer has other"):
        check_reference(other, policy, spelling)
    config = read_json(tmp_path / "alike" / "config.json")
    write_json(tmp_path / "alike" / "config.json", config | {"vocab_size": 300})
    with pytest.raises(UserError, match="it has weights for 300 tokens"):
        check_reference(alike, policy, spelling)
