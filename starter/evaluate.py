"""Measure the starter models on held-out prompts, through vLLM as production runs them.

    python -m starter.evaluate [--policy FOLDER] [--judge FOLDER] [--pairs 600]

Prints the policy's quality rates and how often the judge agrees with the gold score: on pairs
sampled from the policy, on close calls between good replies, and on single replies.
"""

import argparse
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")

from vllm import LLM, SamplingParams
from vllm.sampling_params import StructuredOutputsParams

from starter import gold
from starter.examples import key, pairwise_chat, pointwise_chat
from starter.world import WEIGHTS, Combo, prompt_text, random_qualities, reply_text, split_combos

HOME = Path(__file__).parent
RATIONALE = {"type": "string", "maxLength": 400}
ANSWERS = {
    "verdict": {"type": "string", "enum": ["A", "B", "tie"]},
    "score": {"type": "integer", "minimum": 0, "maximum": 10},
}


class Pair(NamedTuple):
    """A prompt, two replies, and which one gold prefers: "A", "B" or "tie"."""

    prompt: str
    a: str
    b: str
    truth: str


def pair_of(prompt: str, a: str, b: str) -> Pair:
    """A pair with its true verdict."""
    margin = gold.points(prompt, a) - gold.points(prompt, b)
    return Pair(prompt, a, b, "A" if margin > 0 else "B" if margin < 0 else "tie")


def load(folder: Path) -> LLM:
    """A model under vLLM in float32."""
    return LLM(str(folder), dtype="float32", max_model_len=1024, enforce_eager=True, seed=0)


def measure_policy(folder: Path, combos: list[Combo]) -> list[tuple[str, str, str]]:
    """Print what the policy does at temperature 1; returns prompts with two replies each."""
    prompts = [prompt_text(combo) for combo in combos]
    settings = SamplingParams(temperature=1.0, max_tokens=96, n=2)
    chats: list[Any] = [[{"role": "user", "content": prompt}] for prompt in prompts]
    outputs = [result.outputs for result in load(folder).chat(chats, settings, use_tqdm=False)]
    sampled = [(prompt, out) for prompt, pair in zip(prompts, outputs, strict=True) for out in pair]
    points = [gold.points(prompt, out.text) for prompt, out in sampled]
    print(f"policy: {len(sampled)} replies to {len(prompts)} held-out prompts")
    print(f"  mean gold        {mean(points):.2f}")
    for name in WEIGHTS:
        rate = mean([gold.qualities(prompt, out.text)[name] for prompt, out in sampled])
        print(f"  {name:16} {rate:.3f}")
    print(f"  well formed      {mean([gold.well_formed(out.text) for _, out in sampled]):.3f}")
    print(f"  ended by itself  {mean([out.finish_reason == 'stop' for _, out in sampled]):.3f}")
    print(f"  tokens           {mean([len(out.token_ids) for _, out in sampled]):.1f}")
    ties = [one == other for one, other in zip(points[::2], points[1::2], strict=True)]
    print(f"  ties with itself {mean(ties):.3f}")
    same = [one.text == other.text for one, other in outputs]
    print(f"  same text twice  {mean(same):.3f}")
    pairs = zip(prompts, outputs, strict=True)
    return [(prompt, one.text, other.text) for prompt, (one, other) in pairs]


def close_pairs(rng: random.Random, combos: list[Combo], count: int) -> Iterator[Pair]:
    """Pairs of a perfect reply and one that lacks a single quality, in random order."""
    for combo in rng.choices(combos, k=count):
        lacking = {**random_qualities(rng, 1.0), rng.choice(list(WEIGHTS)): False}
        replies = [reply_text(rng, combo, random_qualities(rng, 1.0))]
        replies.insert(rng.randrange(2), reply_text(rng, combo, lacking))
        yield pair_of(prompt_text(combo), *replies)


def measure_pairs(judge: LLM, name: str, pairs: list[Pair], rng: random.Random) -> None:
    """Print how the judge does on pairs, each asked in both orders."""
    swapped = [Pair(p.prompt, p.b, p.a, _swap(p.truth)) for p in pairs]
    chats = [pairwise_chat(p.prompt, p.a, p.b, key(rng)) for p in pairs + swapped]
    verdicts = ask(judge, chats, "verdict")
    truths = [pair.truth for pair in pairs + swapped]
    right = [verdict == truth for verdict, truth in zip(verdicts, truths, strict=True)]
    firsts, seconds = verdicts[: len(pairs)], verdicts[len(pairs) :]
    flips = [one != _swap(other) for one, other in zip(firsts, seconds, strict=True)]
    first, tie = [mean([verdict == said for verdict in verdicts]) for said in ("A", "tie")]
    print(
        f"  {name:22} {len(pairs):4} pairs  accuracy {mean(right):.3f}  flips {mean(flips):.3f}  "
        f"says A {first:.3f}  tie {tie:.3f}"
    )


def measure_points(judge: LLM, replies: list[tuple[str, str]], rng: random.Random) -> None:
    """Print how close the judge's scores of single replies are to gold."""
    chats = [pointwise_chat(prompt, reply, key(rng)) for prompt, reply in replies]
    scores = [float(score) for score in ask(judge, chats, "score")]
    errors = [
        abs(score - gold.points(*reply)) for score, reply in zip(scores, replies, strict=True)
    ]
    exact, error = mean([error == 0 for error in errors]), mean(errors)
    print(f"  single replies         {len(replies):4} exact {exact:.3f}  off by {error:.3f}")


def measure_schema(judge: LLM, pairs: list[Pair], rng: random.Random) -> None:
    """Print how often the JSON schema changes an answer: a trained judge should not need it."""
    chats = [pairwise_chat(p.prompt, p.a, p.b, key(rng)) for p in pairs]
    held, free = generate(judge, chats, "verdict"), generate(judge, chats, None)
    same = [one == other for one, other in zip(held, free, strict=True)]
    print(f"  same text without the schema {mean(same):.3f} of {len(pairs)}")


def ask(judge: LLM, chats: list[Any], field: str) -> list[str]:
    """One field of each JSON answer, as text; "invalid" where the answer is not JSON."""
    return [_field(text, field) for text in generate(judge, chats, field)]


def generate(judge: LLM, chats: list[Any], field: str | None) -> list[str]:
    """The judge's greedy answers, held to the field's schema if one is named."""
    settings = SamplingParams(temperature=0.0, max_tokens=96)
    if field:
        properties = {"rationale": RATIONALE, field: ANSWERS[field]}
        schema = {"type": "object", "properties": properties, "additionalProperties": False}
        schema["required"] = list(properties)
        settings.structured_outputs = StructuredOutputsParams(json=schema)
    return [result.outputs[0].text for result in judge.chat(chats, settings, use_tqdm=False)]


def mean(values: list[Any]) -> float:
    """The mean, 0 for nothing."""
    return sum(values) / len(values) if values else 0.0


def _field(text: str, field: str) -> str:
    try:
        return str(json.loads(text)[field])
    except (ValueError, KeyError):
        return "invalid"


def _swap(verdict: str) -> str:
    return {"A": "B", "B": "A"}.get(verdict, verdict)


def main() -> None:
    """Measure the policy, then the judge on what the policy said."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--policy", type=Path, default=HOME / "policy")
    parser.add_argument("--judge", type=Path, default=HOME / "judge")
    parser.add_argument("--pairs", type=int, default=600, help="pairs of each kind")
    args = parser.parse_args()
    rng = random.Random(3)
    combos = split_combos("gate") + split_combos("test")
    replies = measure_policy(args.policy, rng.choices(combos, k=2 * args.pairs))
    judge = load(args.judge)
    sampled = [pair_of(*reply) for reply in replies]
    differing = [pair for pair in sampled if pair.truth != "tie"][: args.pairs]
    close = list(close_pairs(rng, combos, args.pairs))
    print("judge, on held-out prompts, each pair in both orders")
    measure_pairs(judge, "policy, gold differs", differing, rng)
    measure_pairs(judge, "policy, gold equal", [p for p in sampled if p.truth == "tie"], rng)
    measure_pairs(judge, "one fault against none", close, rng)
    measure_points(judge, [(p.prompt, p.a) for p in sampled[: args.pairs]], rng)
    measure_schema(judge, differing[:100], rng)


if __name__ == "__main__":
    main()
