"""What vLLM is told of a policy that is talked to; one with an adapter answers."""

from pathlib import Path

import pytest

from endpoints.open import Endpoints
from rounds.settings import locate
from rounds.stages import silent
from rounds.weights import Policy
from sampler.chat import chat_arguments, conversation
from sampler.config import SamplerConfig


def test_what_only_vllm_takes_goes_under_extra_body():
    given = {"temperature": 0.7, "max_tokens": None, "top_k": 20, "min_p": 0.1, "top_p": 0.9}
    assert chat_arguments(given) == {
        "temperature": 0.7,
        "top_p": 0.9,
        "extra_body": {"top_k": 20, "min_p": 0.1},
    }


@pytest.mark.slow
def test_an_adapter_is_talked_to(tmp_path: Path):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base, out = locate("prefloop:starter/policy"), tmp_path / "adapter"
    torch.manual_seed(0)
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear")
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(out)
    AutoTokenizer.from_pretrained(base).save_pretrained(out)
    policy = Policy(str(base), str(out), "p")
    sampling = SamplerConfig(
        sampling={"temperature": 0.0, "max_tokens": 8, "top_k": 1},
        vllm={"max_model_len": 128, "max_num_seqs": 2, "enforce_eager": True, "dtype": "float32"},
    )
    with conversation(tmp_path, policy, sampling, Endpoints({}, tmp_path), silent) as talk:
        first = "".join(talk.answer("Tell me of the fox."))
        second = "".join(talk.answer("And then?"))
        assert first and [turn["content"] for turn in talk.turns][1::2] == [first, second]
        talk.forget()
        assert "".join(talk.answer("Tell me of the fox.")) == first
