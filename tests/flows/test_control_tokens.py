"""What the tokenizers of a run have beside the one list of control tokens, from its start on."""

import json
from pathlib import Path

import pytest

from flows.control_tokens import control_tokens_of
from flows.load import load_config
from judge.asking.rubric import load_rubrics, pairwise_messages
from judge.config import JudgeConfig
from judge.panel import run_journal
from rounds.folder import round_dir, write_round_start
from rounds.rows import Prompt
from rounds.weights import Policy

STARTER = load_config("starter")
PROMPT: Prompt = {
    "prompt_id": "p",
    "messages": [{"role": "user", "content": "What is <my_turn>?"}],
    "source": "here:1",
    "split": "train",
    "set_aside": None,
    "reference": None,
    "guidelines": None,
    "tags": None,
}


def policy(folder: Path, *tokens: str) -> Policy:
    folder.mkdir(exist_ok=True)
    added = [{"content": token, "special": True} for token in tokens]
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": added}))
    return Policy(str(folder), None, "p0")


def test_a_rounds_start_has_what_the_list_does_not_know(tmp_path: Path):
    folder = round_dir(tmp_path / "run", 1)
    own = policy(tmp_path / "model", "<|im_end|>", "<my_turn>", "user", "  ")
    assert control_tokens_of(folder, STARTER, own) == {"control_tokens": ["<my_turn>"]}
    plain = policy(tmp_path / "plain", "<|im_end|>")
    assert control_tokens_of(folder, STARTER, plain) == {}, "the starter's judge has no others"
    served = Policy("desk", None, "p0", "hosted-model")
    assert control_tokens_of(folder, STARTER, served) == {}


@pytest.mark.parametrize("before", [{}, {"control_tokens": ["<other>"]}])
def test_a_round_under_way_keeps_what_it_began_with(tmp_path: Path, before: dict):
    folder = round_dir(tmp_path / "run", 1)
    write_round_start(folder, {"seed": 0, **before})
    own = policy(tmp_path / "model", "<my_turn>")
    assert control_tokens_of(folder, STARTER, own) == before


def test_the_judge_is_shown_them_broken_up(tmp_path: Path):
    folder = round_dir(tmp_path / "run", 1)
    write_round_start(folder, {"seed": 0, "control_tokens": ["<my_turn>"]})
    own = run_journal(folder).own
    config = JudgeConfig(endpoint="desk")
    before, now = load_rubrics(config).pairwise, load_rubrics(config, own).pairwise
    said = pairwise_messages(now, b"", PROMPT, "a <my_turn> b", "c")[1]["content"]
    assert said.count("<\\my_turn>") == 2 and "<my_turn>" not in said
    asked = {**PROMPT, "messages": [{"role": "user", "content": "What?"}]}
    assert pairwise_messages(now, b"", asked, "a", "b") == pairwise_messages(
        before, b"", asked, "a", "b"
    ), "a question without one is asked as before"
