"""LoRA: an adapter is trained, sampled by vLLM, trained further, against the first policy."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from builders import begun, candidate_row, confirmed, prompt_row, stamped
from peft import PeftModel
from small_run import write_namesakes
from transformers import AutoModelForCausalLM, AutoTokenizer

from endpoints.open import Endpoints
from judge.config import JudgeConfig
from judge.stage import judge_candidates
from pairs.config import PairsConfig
from pairs.stage import build_pairs
from rounds.files import read_json
from rounds.finish import finish_round
from rounds.folder import policy_facts, policy_of, write_round_start
from rounds.rows import CANDIDATES, PROMPTS
from rounds.settings import locate
from rounds.tables import read_rows
from rounds.weights import Policy, local_policy
from sampler.config import SamplerConfig
from sampler.stage import sample
from trainer.config import TrainerConfig
from trainer.stage import train

pytestmark = pytest.mark.slow

INITIAL = local_policy(locate("prefloop:starter/policy"))
STARTER = yaml.safe_load(locate("prefloop:examples/starter.yaml").read_text())
TRAINER = TrainerConfig(
    reference="initial",
    lora={"r": 8, "lora_alpha": 32, "target_modules": "all-linear"},
    args={"learning_rate": 2e-3, "num_train_epochs": 4, "gradient_checkpointing": False},
)
PAIRS = PairsConfig(length_guard=None)
NONE = Endpoints({}, Path("logs"))


def of_gold(run_dir: Path) -> Path:
    """A first round whose pairs are the starter's labelled ones: nobody sampled them."""
    tables: dict[str, list[Any]] = {"prompts": [], "candidates": [], "verdicts": []}
    for line in locate("prefloop:prompts/starter/gold.jsonl").read_text().splitlines()[:16]:
        pair = json.loads(line)
        if pair["label"] != "tie":
            prompt = prompt_row(pair["prompt"])
            texts = (pair["a"], pair["b"]) if pair["label"] == "a" else (pair["b"], pair["a"])
            better, worse = (
                candidate_row(prompt, text, index) | {"token_ids": None}
                for index, text in enumerate(texts)
            )
            tables["prompts"].append(prompt)
            tables["candidates"] += [better, worse]
            tables["verdicts"] += confirmed(better, worse)
    return started(begun(run_dir, **tables), INITIAL)


def started(folder: Path, policy: Policy) -> Path:
    """The round, which begins with this policy."""
    run_dir = folder.parent.parent
    facts = {name: policy_facts(run_dir, one) for name, one in start_of(policy).items()}
    write_round_start(folder, facts | {"seed": 0})
    stamped(folder)
    return folder


def start_of(policy: Policy) -> dict[str, Policy]:
    return {"policy": policy, "initial": INITIAL}


def trained(folder: Path, policy: Policy) -> tuple[Policy, float]:
    """The next policy, promoted, and how far it has moved from the first one."""
    build_pairs(folder, PAIRS)
    new, facts = train(folder, TRAINER, policy, INITIAL, 0)
    finish_round(folder, "name: demo\n", new, {"promoted": True, "reasons": ["better"]})
    return new, facts["kl_per_token"]


def test_an_adapter_goes_round_the_loop(run_dir: Path, tmp_path: Path):
    write_namesakes(tmp_path)
    first = of_gold(run_dir)
    _, kl = trained(first, INITIAL)
    adapter = policy_of(run_dir, read_json(first / "manifest.json")["in_place"])
    assert adapter.adapter == str(first / "policy")

    lines = locate("prefloop:prompts/starter/train.jsonl").read_text().splitlines()[:40]
    prompts = [prompt_row(json.loads(line)["prompt"]) for line in lines]
    second = started(begun(run_dir, 2, prompts=prompts), adapter)
    sample(second, SamplerConfig(**STARTER["sampler"]), adapter, 0, NONE, held_out=False)
    # a function judges: longer answers win
    judge = JudgeConfig(endpoint=f"python:{tmp_path / 'judge.py'}:score")
    judge_candidates(second, judge, NONE)
    _, further = trained(second, adapter)

    assert not (second / "policy" / "model.safetensors").exists(), "only the adapter is saved"
    rows = read_rows(second, CANDIDATES, ["train"])
    assert {row["policy_id"] for row in rows} == {adapter.policy_id}
    assert 0 < kl < further, "measured from the first policy, the second round is farther away"

    base = AutoModelForCausalLM.from_pretrained(adapter.model, dtype="float32")
    model = PeftModel.from_pretrained(base, adapter.adapter).eval()
    tokenizer = AutoTokenizer.from_pretrained(adapter.model)
    messages = {row["prompt_id"]: row["messages"] for row in read_rows(second, PROMPTS)}
    for row in rows[:20]:
        prompt = tokenizer.apply_chat_template(
            messages[row["prompt_id"]], add_generation_prompt=True, return_dict=False
        )
        ids = torch.tensor([prompt + row["token_ids"]])
        with torch.no_grad():
            logprobs = model(ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        expected = logprobs.gather(1, ids[0, len(prompt) :, None]).sum().item()
        assert math.isclose(row["logprob"], expected, abs_tol=1e-3)
