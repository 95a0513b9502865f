"""How likely a policy finds given answers, by real vLLM, beside transformers' own figures."""

import json
from pathlib import Path

import pytest
import torch
from builders import begun
from own_policy import write_policy
from transformers import AutoModelForCausalLM

from endpoints.open import Endpoints
from rounds.answer_ids import answer_ids
from rounds.rows import SUITES
from rounds.tables import read_rows
from rounds.tokenizers import rendered_prompt, spelling_of
from rounds.weights import Policy, local_policy
from sampler.config import SamplerConfig
from sampler.suite_prompts import SuitePrompts, read_suite
from sampler.suites import answer_suites

pytestmark = pytest.mark.slow

NONE = Endpoints({}, Path("logs"))
CONFIG = SamplerConfig.model_validate(
    {
        "n": 2,
        "chunk": 3,
        "sampling": {"max_tokens": 4},
        "vllm": {"dtype": "float32", "max_model_len": 96, "max_num_seqs": 8},
    }
)


def suite(path: Path, rows: list[tuple[str, str]]) -> str:
    path.write_text("".join(json.dumps({"prompt": a, "reference": b}) + "\n" for a, b in rows))
    return str(path)


def by_transformers(policy: Policy, prompt: str, reference: str) -> tuple[float, int]:
    spelling, asked = spelling_of(policy), [{"role": "user", "content": prompt}]
    before = rendered_prompt(spelling.tokenizer, asked)
    ids = answer_ids(spelling, asked, before, reference)
    model = AutoModelForCausalLM.from_pretrained(policy.model, dtype=torch.float32).eval()
    with torch.no_grad():
        logits = model(torch.tensor([[*before, *ids]])).logits[0, len(before) - 1 : -1]
    likely = logits.log_softmax(-1).gather(-1, torch.tensor(ids)[:, None])
    return float(likely.sum()), len(ids)


def test_both_policies_read_the_references_and_answer_the_other_suite(tmp_path: Path):
    old, new = (local_policy(write_policy(tmp_path / name, 96)) for name in ("old", "new"))
    model = AutoModelForCausalLM.from_pretrained(new.model)
    with torch.no_grad():
        model.lm_head.weight.mul_(3)
    model.save_pretrained(new.model)
    new = local_policy(Path(new.model))
    rows = [(f"say {n}", f"I say {n}") for n in range(8)]
    other = [("say 0", "another"), *((f"tell {n}", "told") for n in range(7))]
    too_long = [("long " * 30, "no room"), *other[1:]]
    suites = {
        "told": SuitePrompts(read_suite("told", suite(tmp_path / "a.jsonl", rows)), 3, True),
        "exact": SuitePrompts(read_suite("exact", suite(tmp_path / "b.jsonl", other)), 2),
        "again": SuitePrompts(read_suite("again", suite(tmp_path / "c.jsonl", other)), 3, True),
        "long": SuitePrompts(read_suite("long", suite(tmp_path / "d.jsonl", too_long)), 3, True),
    }
    folder = begun(tmp_path / "runs" / "a")
    answer_suites(folder, CONFIG, suites, old, new, 0, NONE)
    answers = read_rows(folder, SUITES)
    counts = {name: sum(row["suite"] == name for row in answers) for name in suites}
    assert counts == {"told": 16, "exact": 24, "again": 16, "long": 14}
    assert all((row["logprob"] is None) == (row["suite"] == "exact") for row in answers)
    for policy in (old, new):
        for prompt, reference in (rows[0], rows[5], other[0]):
            (found,) = {
                (row["logprob"], row["n_tokens"])
                for row in answers
                if row["policy_id"] == policy.policy_id and row["text"] == reference
                if row["messages"][-1]["content"] == prompt
            }
            nats, tokens = by_transformers(policy, prompt, reference)
            assert found == (pytest.approx(nats, rel=1e-4), tokens)
