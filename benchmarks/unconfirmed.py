"""Recipes of others that believe scores: python benchmarks/unconfirmed.py RECIPE ARGS

Runs the `prefloop` command with one part of the judge replaced, for benchmarks/recipes.py alone.

rlhflow         the best and the worst of the judge's scores are a pair, without confirmation
                (RLHF Workflow, arXiv 2405.07863: max and min of a reward model)
self-rewarding  the same, and the scores are those of the policy in place (arXiv 2401.10020): it is
                asked as the judge is, and its probabilities of the scale's numbers are averaged,
                since a policy of a million parameters writes no reply that could be read
"""

import sys
from functools import cache
from typing import Any

import torch
from transformers import AutoModelForCausalLM

import judge.strategies.confirm
import judge.strategies.screen_confirm
from endpoints.reply import Reply
from flows.cli import app
from flows.session import current, policy_in_place
from judge.asking.reply import ParsedReply
from judge.asking.rows import Judge, Question, verdict_row
from judge.asking.rubric import pointwise_messages
from rounds.rows import Candidate, Prompt, Verdict
from rounds.tokenizers import policy_tokenizer
from rounds.weights import Policy

CUE = '{"score": '
"""What the policy's judgement begins with."""


def row_of(judge: Judge, question: Question) -> Verdict:
    """The row of a question that nobody was asked."""
    return verdict_row(
        judge, judge.jury[0], question, None, Reply("", "", None), ParsedReply(None, None, None)
    )


async def believed(
    judge: Judge, prompt: Prompt, a: Candidate, b: Candidate, purpose: str = "confirm", _: int = 0
) -> list[Verdict]:
    """`both_orders` of a judge whose scores are believed: `a` looked better, so it is."""
    return [row_of(judge, Question("pairwise", prompt, a, b, None, purpose)) | {"outcome": "a"}]


async def own_scores(judge: Judge, prompt: Prompt, candidates: list[Candidate]) -> list[Verdict]:
    """`screen` by the policy in place."""
    run = current()
    policy = policy_in_place(run.run_dir, run.initial)
    rows = []
    for candidate in candidates:
        question = Question("pointwise", prompt, candidate, None, None, "screen")
        text = pointwise_messages(judge.rubrics.pointwise, judge.secret, prompt, candidate["text"])
        score = expected_score(policy, text, judge.config.scale)
        rows.append(row_of(judge, question) | {"outcome": "scored", "score": score})
    return rows


@torch.no_grad()
def expected_score(policy: Policy, messages: Any, scale: tuple[int, int]) -> float:
    """The mean of the scale's numbers under the policy, by the first token of each."""
    model, tokenizer = loaded(policy)
    chat = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    ids = tokenizer(chat + CUE, add_special_tokens=False, return_tensors="pt").input_ids
    logits = model(ids[:, -model.config.max_position_embeddings :]).logits[0, -1]
    numbers = range(scale[0], scale[1] + 1)
    tokens = {n: tokenizer(str(n), add_special_tokens=False).input_ids[0] for n in numbers}
    single = {n: token for n, token in tokens.items() if len(str(n)) == 1}  # 10 begins as 1 does
    weights = torch.stack([logits[token] for token in single.values()]).softmax(0)
    return float(sum(n * float(w) for n, w in zip(single, weights, strict=True)))


@cache
def loaded(policy: Policy) -> tuple[Any, Any]:
    """A policy's model and tokenizer."""
    model = AutoModelForCausalLM.from_pretrained(policy.model, dtype=torch.float32).eval()
    return model, policy_tokenizer(policy)


def main() -> None:
    """Replace what the recipe replaces, then do what the command line says."""
    recipe = sys.argv.pop(1)
    judge.strategies.confirm.both_orders = believed
    if recipe == "self-rewarding":
        judge.strategies.screen_confirm.screen = own_scores
    elif recipe != "rlhflow":
        sys.exit(f"{recipe}: neither rlhflow nor self-rewarding")
    app()


if __name__ == "__main__":
    main()
