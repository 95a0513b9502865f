"""TRL trains on every shape of preference data, and what it would drop without a word is said."""

import json
from pathlib import Path

import pytest
from policies import GPT2, tokenizer_of
from preference_samples import EXPECTED, OPTIONS, SAMPLES
from replays import config, done, imported, round_of

from preferences.config import Data
from preferences.preference import Preference
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.settings import locate
from rounds.tables import read_rows, write_rows
from rounds.tokenizers import spelling_of
from rounds.weights import Policy, local_policy
from trainer.extra import extra_pairs
from trainer.stage import train

pytestmark = pytest.mark.slow

STARTER = locate("prefloop:starter/policy")
ONE_STEP = {"max_steps": 1, "per_device_train_batch_size": 2, "gradient_checkpointing": False}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    """Two threads on a tiny model only wait for each other."""
    import torch

    torch.set_num_threads(1)


@pytest.mark.parametrize("shape", SAMPLES)
def test_trl_trains_on_the_shape(tmp_path: Path, shape: str):
    from trainer.rows import training_rows
    from trainer.train_child import build, tokens_of

    path = tmp_path / "some.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in SAMPLES[shape]))
    folder = round_of(tmp_path / "runs" / "demo", 1, 0)
    given = config(warm_start={"data": str(path), **OPTIONS.get(shape, {})})
    write_rows(folder, "extra", extra_pairs(folder, given, 0, 0).rows)
    rows = training_rows(folder)
    assert len(rows) == sum(isinstance(row, Preference) for row in EXPECTED[shape])
    policy = local_policy(STARTER)._asdict()
    job = {"method": "dpo", "policy": policy, "reference": policy, "args": ONE_STEP, "lora": None}
    tokens = tokens_of(job, rows, [])
    assert not tokens.facts["too_long"]["pairs"]
    dpo = build(job, tokens.train, [], tmp_path / "checkpoints")
    tokenizer = dpo.processing_class
    for row, prepared in zip(rows, dpo.train_dataset, strict=True):
        asked = tokenizer.apply_chat_template(
            row["prompt"], add_generation_prompt=True, return_dict=False
        )
        assert prepared["prompt_ids"] == asked
        for side in ("chosen", "rejected"):
            said = tokenizer.decode(prepared[f"{side}_ids"])
            assert said == row[side][0]["content"] + "<|im_end|>", "the answer and its end alone"
    dpo.train()
    assert dpo.state.global_step == 1
    assert 0 < dpo.state.log_history[-1]["train_loss"] < 2


def test_a_round_with_a_warm_start_and_a_replay_is_trained_on_all_three(tmp_path: Path):
    run_dir = tmp_path / "runs" / "demo"
    done(run_dir, 1, 4)
    folder = round_of(run_dir, 2, 4)
    path = imported(tmp_path / "warm.jsonl", "My mug broke.", "too long " * 200)
    given = config(
        warm_start=path,
        replay={"share": 0.25},
        held_out_pairs=0.25,
        args={**ONE_STEP, "max_steps": 2, "max_length": 200},
    )
    policy = local_policy(STARTER)
    trained, facts = train(folder, given, policy, policy, 0)
    assert facts["extra"] == {"warm_start": 2, "replayed": {"round 1": 2}, "left_out": {}}
    assert (facts["pairs"], facts["extra_pairs"], facts["held_out_pairs"]) == (6, 3, 1)
    extra = read_rows(folder, "extra")
    assert facts["too_long"] == {"pairs": 1, "first": [extra[1]["pair_id"]]}
    assert facts["held_out_accuracy"] is not None and trained.policy_id != policy.policy_id


def test_pairs_that_are_all_too_long_are_refused(tmp_path: Path):
    from trainer.rows import training_rows
    from trainer.train_child import tokens_of

    rows = training_rows(round_of(tmp_path / "runs" / "demo", 1, 2))
    policy = local_policy(STARTER)._asdict()
    args = {**ONE_STEP, "max_length": 3}
    job = {"method": "dpo", "policy": policy, "reference": policy, "args": args, "lora": None}
    with pytest.raises(UserError, match=r"trainer.args.max_length: every pair has more than 3 tok"):
        tokens_of(job, rows, [])


def test_imported_data_is_checked_before_anything_is_spent(tmp_path: Path):
    from trainer.check import main

    path = imported(tmp_path / "warm.jsonl", "Fine?", "too long " * 200)
    job = {
        "method": "dpo",
        "lora": None,
        "elsewhere": False,
        "policy": Policy(str(STARTER), None, "")._asdict(),
        "imported": [["trainer.warm_start", {"data": path}]],
    }
    write_json(tmp_path / "job.json", job | {"variants": [{"max_length": 50}]})
    main(tmp_path / "job.json")
    assert read_json(tmp_path / "found.json") == [
        f"trainer.warm_start: {path} is of the shape trl_standard: 2 preferences; of more than "
        "50 tokens, prompt and answer together (trainer.args.max_length, or what the model takes), "
        f"and so not trained on: 1, the first is {path}, row 2"
    ]
    write_json(tmp_path / "job.json", job | {"variants": [{"max_length": 3}]})
    with pytest.raises(UserError, match=r"every preference of .* has more than 3 tokens"):
        main(tmp_path / "job.json")


def test_a_prompt_that_the_chat_template_refuses_is_named(tmp_path: Path):
    from trainer.check import check_data

    spelling = spelling_of(local_policy(STARTER))
    spelling.tokenizer.chat_template = "{{ raise_exception('no system turns here') }}"
    source = Data(data=imported(tmp_path / "warm.jsonl", "Fine?"))
    with pytest.raises(
        UserError, match=r"warm.jsonl, row 1: the policy's chat template refuses .*no"
    ):
        check_data(source, "trainer.warm_start", spelling, 50)


def test_data_without_a_preference_is_refused(tmp_path: Path):
    from trainer.check import check_data

    path = tmp_path / "ties.jsonl"
    path.write_text(json.dumps(SAMPLES["webgpt"][1]))
    with pytest.raises(UserError, match=r"trainer.warm_start: .* holds no preference \(tie 1\)"):
        check_data(Data(data=str(path)), "trainer.warm_start", None, 50)


def test_a_policy_without_a_chat_template_is_refused_before_anything_is_spent(tmp_path: Path):
    from trainer.check import main

    tokenizer_of(GPT2).save_pretrained(tmp_path / "gpt2")
    policy = Policy(str(tmp_path / "gpt2"), None, "")._asdict()
    job = {"method": "dpo", "lora": None, "elsewhere": False, "variants": [{}], "imported": []}
    write_json(tmp_path / "job.json", {**job, "policy": policy})
    with pytest.raises(UserError, match=r"gpt2: the policy's tokenizer has no chat template"):
        main(tmp_path / "job.json")
