"""Make the embedded world: prompt files, policy and judge, each from nothing but this code.

    python -m starter.train                  # everything
    python -m starter.train prompts          # the prompt sets only
    python -m starter.train policy           # the policy (and its tokenizer) only
    python -m starter.train judge            # the judge (and its tokenizer) only

The same seed gives the same prompts, tokenizer and training examples; the weights can differ
in the last bits between machines.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import torch

from starter.examples import (
    PROMPTS,
    gold_pairs,
    pairwise_example,
    pointwise_example,
    policy_example,
)
from starter.fit import Batch, batch_of, fit, new_model, save, seeded
from starter.tokenizer import build_tokenizer
from starter.world import prompt_text, split_combos

SEED = 20
HOME = Path(__file__).parent
GOLD_PAIRS = 80


def write_prompts() -> None:
    """Write the three prompt sets, one JSON object a line, in the order of their hash, and the
    judge's gold set: pairs that it has not seen, labelled by the gold score.
    """
    for split in ("train", "gate", "test"):
        lines = [json.dumps({"prompt": prompt_text(combo)}) for combo in split_combos(split)]
        (PROMPTS / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
        print(f"{split}: {len(lines)} prompts")
    pairs = list(gold_pairs(seeded(SEED), split_combos("train")[-GOLD_PAIRS:]))
    (PROMPTS / "gold.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    print(f"gold: {len(pairs)} pairs")


def train_policy(steps: int, out: Path = HOME / "policy") -> None:
    """Train the policy on replies that get each quality right half of the time.

    It sees good replies first: what a prompt asks for is slow to learn from replies that miss it
    half of the time.
    """
    rng, combos = seeded(SEED), split_combos("models")
    tokenizer = build_tokenizer(SEED)
    model = new_model(tokenizer, layers=4)
    print(f"policy: {model.num_parameters():,} parameters")

    def batches() -> Iterator[Batch]:
        for step in range(steps):
            good = 0.95 if step < 0.4 * steps else 0.5
            chosen = rng.choices(combos, k=64)
            yield batch_of(tokenizer, [policy_example(rng, combo, good) for combo in chosen])

    def checkpoint(step: int) -> None:
        save(model, tokenizer, out, do_sample=True, temperature=1.0)

    fit(model, batches(), steps, 2e-3, checkpoint, every=500)


def train_judge(steps: int, out: Path = HOME / "judge") -> None:
    """Train the judge on single replies first, then mostly on pairs."""
    rng, combos = seeded(SEED + 1), split_combos("models")
    tokenizer = build_tokenizer(SEED)
    model = new_model(tokenizer, layers=4)
    print(f"judge: {model.num_parameters():,} parameters")

    def batches() -> Iterator[Batch]:
        for step in range(steps):
            paired = rng.random() < (0.1 if step < 0.2 * steps else 0.75)
            example, size = (pairwise_example, 32) if paired else (pointwise_example, 48)
            yield batch_of(
                tokenizer, [example(rng, combo) for combo in rng.choices(combos, k=size)]
            )

    def checkpoint(step: int) -> None:
        save(model, tokenizer, out, do_sample=False)

    fit(model, batches(), steps, 2e-3, checkpoint, every=500)


def main() -> None:
    """Parse the command line and make what it asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parts = ("all", "prompts", "policy", "judge")
    parser.add_argument("part", nargs="?", default="all", choices=parts)
    parser.add_argument("--policy-steps", type=int, default=3000, help="batches of 64 replies")
    parser.add_argument("--judge-steps", type=int, default=4500, help="batches of 32 to 48")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of PyTorch")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.part in ("all", "prompts"):
        write_prompts()
    if args.part in ("all", "policy"):
        train_policy(args.policy_steps)
    if args.part in ("all", "judge"):
        train_judge(args.judge_steps)


if __name__ == "__main__":
    main()
