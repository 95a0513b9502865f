"""Sampling a policy that nobody here made, on real vLLM: its template, its context, its batches."""

from pathlib import Path
from typing import Any

import pytest
from builders import begun, prompt_row
from own_policy import write_policy

from endpoints.open import Endpoints
from rounds.errors import UserError
from rounds.folder import write_round_start
from rounds.rows import Prompt
from rounds.tables import read_rows
from rounds.weights import Policy, local_policy
from sampler.config import SamplerConfig
from sampler.shortfall import sampling_warnings
from sampler.stage import sample

pytestmark = pytest.mark.slow

NONE = Endpoints({}, Path("logs"))
ENV = {"OMP_NUM_THREADS": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
MANY = [
    prompt_row(f"{number:03d} What does this {'long ' * 10}question ask?") for number in range(100)
]


def config(**given: Any) -> SamplerConfig:
    sampling = {"temperature": 0.7, "max_tokens": 12}
    vllm = {"dtype": "float32", "enforce_eager": True}
    tree = {"n": 2, "sampling": sampling, "vllm": vllm, "env": ENV, "max_cut_off": None}
    return SamplerConfig.model_validate(tree | given)


def started(tmp_path: Path, policy: Policy, prompts: list[Prompt]) -> Path:
    folder = begun(tmp_path / "runs" / "own", prompts=prompts)
    write_round_start(folder, {"policy": policy._asdict(), "initial": policy._asdict(), "seed": 0})
    return folder


def test_an_own_policy_answers_batches_of_long_prompts_and_names_what_it_cannot(tmp_path: Path):
    policy = local_policy(write_policy(tmp_path / "own"))
    system = prompt_row("With a system turn.")
    system["messages"] = [{"role": "system", "content": "Be kind."}, *system["messages"]]
    odd = [
        {**system, "source": "mine.jsonl:7"},
        {**prompt_row("x" * 250), "source": "mine.jsonl:8"},
    ]
    folder = started(
        tmp_path, policy, [*MANY, *odd, prompt_row("g", "gate"), prompt_row("t", "test")]
    )
    with pytest.raises(
        UserError, match=r"sampler cannot answer 2 of 102 train prompts: mine\.json"
    ):
        sample(folder, config(unanswerable="stop"), policy, 0, NONE)
    log = folder.parent.parent / "logs" / "0001-sampler.log"
    assert "Initializing a V1 LLM engine" not in log.read_text()

    # 100 prompts of some 90 tokens are more than one of vLLM's batches, 4,096 tokens
    also = {"better": {"revise": "current"}}
    facts = sample(folder, config(also=also), policy, 0, NONE)
    assert facts["sources"]["current"] == 200 and facts["set_aside"] == 2
    rows = read_rows(folder, "candidates")
    assert {row["n_tokens"] for row in rows} <= set(range(1, 13))
    assert max(row["n_tokens"] for row in rows) == 12
    reasons = {row["source"]: row["set_aside"] for row in read_rows(folder, "prompts")}
    assert reasons["mine.jsonl:7"] == "the chat template refuses it (System role not supported)"
    assert reasons["mine.jsonl:8"].endswith("and 12 for the answer; the model takes 256")
    aside, revised = sampling_warnings(facts)
    assert aside.startswith("2 prompts set aside: mine.jsonl:7 (") and "mine.jsonl:8 (" in aside
    assert revised.startswith("sampler.also.better gave 0 of 200 candidates: no critique: ")
    assert revised.endswith("tokens and 12 for the answer; the model takes 256")
