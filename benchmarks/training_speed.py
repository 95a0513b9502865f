"""Pairs per second of the trainer beside TRL's plain DPOTrainer, same pairs, weights and arguments.

    python -m benchmarks.training_speed [--pairs 256] [--hidden 512] [--layers 8] [--times 3]

The policy is of random weights in float32, the pairs are its own samples. Each turn is a process of
its own: loading the weights, the reference's log-probabilities (TRL's from a second model in every
step; ours from what came with the answers, a tenth of it measured) and the steps all count. CPU
seconds are for machines where others work at the same time. Peak memory is what the process took at
most over what it had with everything imported; on a GPU it is the GPU's.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PLAIN, OURS = "plain TRL", "ours"
VOCABULARY, PROMPT = 4096, 16


def main() -> None:
    """Train by turns and print the medians, and how much one is ahead of the other."""
    given = arguments()
    if given.child:
        child(given)
        return
    taken: dict[str, list[dict[str, Any]]] = {PLAIN: [], OURS: []}
    with tempfile.TemporaryDirectory() as scratch:
        prepare(Path(scratch), given)
        for turn in range(given.times):
            for name in sorted(taken, reverse=turn % 2 > 0):
                found = run(name, Path(scratch), given)
                taken[name].append(found)
                print(
                    f"{name}: {found['pairs']} pairs in {found['seconds']:.1f} s, "
                    f"{found['cpu']:.1f} s of CPU, loss {found['loss']:.5f}, "
                    f"peak {found['peak']:.0f} MB",
                    flush=True,
                )
        size = sum(path.stat().st_size for path in Path(scratch).glob("policy/*.safetensors"))
    for name, facts in taken.items():
        speeds = {
            key: statistics.median(one["pairs"] / one[key] for one in facts)
            for key in ("seconds", "cpu")
        }
        print(f"{name}: {speeds['seconds']:.2f} pairs/s, {speeds['cpu']:.2f} a CPU second")
    for what, key in (("pairs per second", "seconds"), ("pairs per CPU second", "cpu")):
        ratios = [
            plain[key] / ours[key] for plain, ours in zip(taken[PLAIN], taken[OURS], strict=True)
        ]
        print(f"{what}: ours {statistics.median(ratios):.2f}x ({min(ratios):.2f} at least)")
    saved = [
        plain["peak"] - ours["peak"] for plain, ours in zip(taken[PLAIN], taken[OURS], strict=True)
    ]
    print(
        f"peak memory: ours {statistics.median(saved):.0f} MB lower, one model is {size / 1e6:.0f}"
    )
    source = taken[OURS][0]["reference"]
    print(f"reference: {source['logprobs']}, off by {source['gap']['logit_error']:.1e}")


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser()
    for name, default in (("pairs", 256), ("hidden", 512), ("layers", 8), ("times", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--tokens", type=int, default=96, help="of an answer, at most")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--child", choices=(PLAIN, OURS))
    parser.add_argument("--folder", type=Path)
    return parser.parse_args()


def run(name: str, folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """One training in a process of its own."""
    said = folder / "said.json"
    numbers = [f"--{key}={getattr(given, key)}" for key in ("batch", "epochs")]
    where = ["--child", name, "--folder", str(folder)]
    command = [sys.executable, "-m", "benchmarks.training_speed", *where, *numbers]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(said.read_text()))


def prepare(folder: Path, given: argparse.Namespace) -> None:
    """A policy, and pairs that it sampled with the sums of their log-probabilities."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from rounds.settings import locate
    from trainer.small_policy import copy_settings

    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=given.hidden,
        intermediate_size=4 * given.hidden,
        num_hidden_layers=given.layers,
        num_attention_heads=max(1, given.hidden // 64),
        num_key_value_heads=max(1, given.hidden // 64),
        head_dim=64,
        tie_word_embeddings=True,
    )
    model = Qwen3ForCausalLM(config).eval()
    model.save_pretrained(folder / "policy")
    copy_settings(locate("prefloop:starter/policy"), folder / "policy", leave="config.json")
    draw = torch.Generator().manual_seed(1)

    def ids(count: int) -> list[int]:
        return torch.randint(8, VOCABULARY, (count,), generator=draw).tolist()

    rows = []
    for number in range(given.pairs):
        lengths = torch.randint(given.tokens // 3, given.tokens + 1, (2,), generator=draw).tolist()
        prompt, answers, sums = ids(PROMPT), [], []
        for length in lengths:
            answer = ids(length)
            whole = torch.tensor([prompt + answer])
            with torch.no_grad():
                logps = model(whole).logits[0, PROMPT - 1 : -1].log_softmax(-1)
            answers.append(answer)
            sums.append(float(logps.gather(1, whole[0, PROMPT:, None]).sum()))
        rows.append(
            {
                "prompt_ids": prompt,
                "chosen_ids": answers[0],
                "rejected_ids": answers[1],
                "pair_id": str(number),
                "extra": False,
                "sums": sums,
            }
        )
    (folder / "pairs.json").write_text(json.dumps(rows))


def child(given: argparse.Namespace) -> None:
    """One training; what it took is in said.json."""
    import torch
    from datasets import Dataset
    from trl import DPOTrainer

    from rounds.weights import local_policy
    from trainer.arguments import trl_config
    from trainer.build import build

    class Plain(DPOTrainer):
        """On ids: what TRL takes to make them of texts is left out."""

        def _prepare_dataset(self, dataset: Any, *given: Any) -> Any:
            return dataset

    policy = local_policy(given.folder / "policy")
    rows = json.loads((given.folder / "pairs.json").read_text())
    sums = [row.pop("sums") for row in rows]
    args = {
        "per_device_train_batch_size": given.batch,
        "num_train_epochs": given.epochs,
        "learning_rate": 1e-5,
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "logging_steps": 1,
        "disable_tqdm": True,
        "seed": 0,
    }
    kwargs = {"model_init_kwargs": {"dtype": "float32"}}
    out = given.folder / "out"
    before, began, cpu = peak_memory(), time.monotonic(), time.process_time()
    if given.child == PLAIN:
        trainer = Plain(
            model=policy.model,
            args=trl_config("dpo", {**args, **kwargs}, str(out)),
            train_dataset=Dataset.from_list(rows),
        )
    else:
        sampled = [
            row
            | {
                "logprobs": {
                    side: (policy.policy_id, total)
                    for side, total in zip(("chosen", "rejected"), both, strict=True)
                }
            }
            for row, both in zip(rows, sums, strict=True)
        ]
        facts = policy._asdict()
        job = {"method": "dpo", "policy": facts, "reference": facts, "lora": None, "args": args}
        trainer = build(job, sampled, [], out)
    trainer.train()
    seconds, used = time.monotonic() - began, time.process_time() - cpu
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    facts = {
        "pairs": len(rows) * given.epochs,
        "seconds": seconds,
        "cpu": used,
        "loss": losses[-1],
        "peak": peak_memory() - (0 if torch.cuda.is_available() else before),
        "reference": getattr(trainer, "reference_facts", None),
    }
    (given.folder / "said.json").write_text(json.dumps(facts))


def peak_memory() -> float:
    """MB that the process has taken at most, or that it has on a GPU."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
