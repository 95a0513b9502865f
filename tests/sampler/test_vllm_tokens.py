"""What real vLLM samples is what is trained on, for a policy that ends its turns in several ways.

One loading: a base without a chat template, and two adapters, each with a dated one of its own.
"""

from pathlib import Path
from typing import Any

import pytest
from builders import begun, prompt_row
from policies import LLAMA, write_policy
from replays import pair_row

from endpoints.open import Endpoints
from rounds.folder import write_round_start
from rounds.ids import digest
from rounds.rows import CANDIDATES, PAIRS, PROMPTS, Candidate
from rounds.tables import by_prompt, read_rows, write_rows
from rounds.tokenizers import policy_tokenizer, spelling_of
from rounds.weights import Policy, local_policy
from sampler.config import SamplerConfig
from sampler.stage import sample
from trainer.rows import training_rows
from trainer.tokens import tokenised

pytestmark = pytest.mark.slow

DRAWN = {"temperature": 1.0, "max_tokens": 120}
CONFIG = SamplerConfig.model_validate(
    {
        "n": 3,
        "sampling": DRAWN,
        "vllm": {"enforce_eager": True, "max_model_len": 512, "max_num_seqs": 16, "seed": 0},
        "also": {
            "first": {"policy": "initial", "n": 2},
            "stopped": {"n": 4, "sampling": {**DRAWN, "stop": ["e"]}},
        },
    }
)


def adapter(base: Path, folder: Path, says: str) -> Policy:
    """A LoRA folder on the base, whose template says who it is."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    config = LoraConfig(r=8, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(folder)
    template = str(LLAMA.template).replace("Today is", f"{says}. Today is")
    (folder / "chat_template.jinja").write_text(template)
    return local_policy(base, folder)


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Policy, Policy]:
    """A sampled round, the policy in place and the first one."""
    home = tmp_path_factory.mktemp("llama")
    base = write_policy(home / "base", LLAMA._replace(template=None))
    policy, first = (adapter(base, home / name, name) for name in ("brief", "polite"))
    folder = begun(home / "runs" / "demo", prompts=[prompt_row(f"Lamp {n}?") for n in range(8)])
    start = {"policy": policy._asdict(), "initial": first._asdict(), "seed": 0}
    write_round_start(folder, start)
    sample(folder, CONFIG, policy, 0, Endpoints({}, Path("logs")), held_out=False)
    return folder, policy, first


def test_each_adapter_is_asked_in_its_own_template(sampled: tuple[Path, Policy, Policy]):
    folder, policy, _ = sampled
    tokenizer, rows = policy_tokenizer(policy), read_rows(folder, CANDIDATES)
    assert len(rows) == 8 * 9
    asked = {row["prompt_id"]: row["messages"][0]["content"] for row in read_rows(folder, PROMPTS)}
    for row in rows:
        prompt = tokenizer.decode(row["prompt_token_ids"])
        assert ("polite. Today is" if row["source"] == "first" else "brief. Today is") in prompt
        assert asked[row["prompt_id"]] in prompt


def test_every_end_of_turn_ends_an_answer_and_ids_are_those_of_the_text(
    sampled: tuple[Path, Policy, Policy],
):
    folder, policy, _ = sampled
    tokenizer, ends = spelling_of(policy)
    seen, inside = set(), 0
    for row in read_rows(folder, CANDIDATES):
        ids, prompt = row["token_ids"], row["prompt_token_ids"]
        if ids is None:
            inside += 1
            assert row["source"] == "stopped" and row["logprob"] is None
            continue
        before, after = (
            tokenizer.decode(some, skip_special_tokens=True) for some in (prompt, prompt + ids)
        )
        if row["finish_reason"] == "stop":
            # random bytes: half a character at the end is no text
            assert after.rstrip("\ufffd") == (before + row["text"]).rstrip("\ufffd")
            ended = bool(set(ids[-1:]) & set(ends))
            assert not set(ids[:-1]) & set(ends) and (ended or row["source"] == "stopped")
            seen |= set(ids[-1:]) & set(ends)
        assert len(ids) == row["n_tokens"] and (
            row["source"] != "stopped" or "e" not in row["text"]
        )
    assert len(seen) >= 2, "the tokenizer's own end and others of generation_config.json"
    assert inside, "some texts end inside a token"


def test_they_are_what_is_trained_on(sampled: tuple[Path, Policy, Policy]):
    folder, policy, _ = sampled
    by_id = {row["candidate_id"]: row for row in read_rows(folder, CANDIDATES)}
    pairs: list[Any] = []
    for rows in by_prompt(by_id.values()).values():
        own = [row for row in rows if row["source"] == "current"]
        stopped = [row for row in rows if row["source"] == "stopped"]
        for a, b in zip(own, stopped, strict=False):
            if a["text"].strip() and b["text"].strip() and a["text"] != b["text"]:
                pairs.append(paired(a, b))
    write_rows(folder, PAIRS, pairs)
    tokens = tokenised(spelling_of(policy), training_rows(folder), [], float("inf"))
    assert len(tokens.train) == len(pairs) > 8
    cut = 0
    for pair, ready in zip(pairs, tokens.train, strict=True):
        chosen, rejected = by_id[pair["chosen_id"]], by_id[pair["rejected_id"]]
        assert ready["prompt_ids"] == chosen["prompt_token_ids"]
        assert ready["chosen_ids"] == chosen["token_ids"]
        if rejected["token_ids"] is None:
            cut += 1
        else:
            assert ready["rejected_ids"] == rejected["token_ids"]
    assert tokens.facts["cut_inside_a_token"] == cut
    differ = sum(
        by_id[pair["chosen_id"]]["prompt_token_ids"]
        != by_id[pair["rejected_id"]]["prompt_token_ids"]
        for pair in pairs
    )
    assert tokens.facts["prompts_differ"] == differ == len(pairs), "the template has microseconds"


def paired(chosen: Candidate, rejected: Candidate) -> Any:
    row, _ = pair_row(digest(chosen["candidate_id"], rejected["candidate_id"]))
    said = {
        side: [{"role": "assistant", "content": one["text"]}]
        for side, one in (("chosen", chosen), ("rejected", rejected))
    }
    ids = {"chosen_id": chosen["candidate_id"], "rejected_id": rejected["candidate_id"]}
    return row | said | ids | {"prompt_id": chosen["prompt_id"]}
