"""LoRA: an adapter is trained, sampled by vLLM, trained further, against the first policy."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from small_run import run, write_config
from transformers import AutoModelForCausalLM, AutoTokenizer

from rounds.files import read_json
from rounds.folder import policy_of, round_dir
from rounds.tables import read_rows

pytestmark = pytest.mark.slow


def test_an_adapter_goes_round_the_loop(tmp_path: Path):
    trainer = {
        "reference": "initial",
        "lora": {"r": 8, "lora_alpha": 32, "target_modules": "all-linear"},
        "args": {"learning_rate": 2e-3, "num_train_epochs": 4, "gradient_checkpointing": False},
    }
    # a function judges, so that no server has to be started: longer answers win
    judge: dict[str, Any] = {"endpoint": "python:judge.py:score"}
    judge |= {"health": {"bounds": {"max_longer_chosen": None}}}
    pairs = {"length_guard": None}
    config = write_config(tmp_path, trainer=trainer, judge=judge, pairs=pairs)
    run(tmp_path, "run", str(config), "--rounds", "2", own_server=False)

    run_dir = tmp_path / "runs" / "small"
    first, second = (round_dir(run_dir, number) for number in (1, 2))
    adapter = policy_of(run_dir, read_json(first / "manifest.json")["in_place"])
    assert adapter.adapter == str(first / "policy")
    assert not (second / "policy" / "model.safetensors").exists(), "only the adapter is saved"
    assert {row["policy_id"] for row in read_rows(second, "candidates", ["train"])} == {
        adapter.policy_id
    }
    kl = [read_json(folder / "metrics.json")["train"]["kl_per_token"] for folder in (first, second)]
    assert 0 < kl[0] < kl[1], "measured from the first policy, the second round is farther away"

    base = AutoModelForCausalLM.from_pretrained(adapter.model, dtype="float32")
    model = PeftModel.from_pretrained(base, adapter.adapter).eval()
    tokenizer = AutoTokenizer.from_pretrained(adapter.model)
    prompts = {row["prompt_id"]: row["messages"] for row in read_rows(second, "prompts")}
    for row in read_rows(second, "candidates", ["train"])[:20]:
        prompt = tokenizer.apply_chat_template(
            prompts[row["prompt_id"]], add_generation_prompt=True, return_dict=False
        )
        ids = torch.tensor([prompt + row["token_ids"]])
        with torch.no_grad():
            logprobs = model(ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        expected = logprobs.gather(1, ids[0, len(prompt) :, None]).sum().item()
        assert math.isclose(row["logprob"], expected, abs_tol=1e-3)
