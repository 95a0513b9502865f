"""One plain PyTorch training loop for both models: the loss is on the answer's tokens only."""

import copy
import math
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

Example = tuple[list[dict[str, str]], str]
Batch = tuple[torch.Tensor, torch.Tensor]
IGNORE = -100


def new_model(tokenizer: PreTrainedTokenizerFast, layers: int, width: int = 512) -> Any:
    """A small Qwen3 with random weights; heads of 32 and tied embeddings keep it about 1.5M."""
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=32,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = Qwen3ForCausalLM(config)
    model.set_attn_implementation("eager")  # measured: faster here than the fused kernel
    return model


def encode(tokenizer: PreTrainedTokenizerFast, example: Example) -> tuple[list[int], int]:
    """The token ids of a prompt and its answer, and how many of them are the prompt's."""
    messages, answer = example
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    prompt_ids = tokenizer(prompt, add_special_tokens=False).input_ids
    answer_ids = tokenizer(answer, add_special_tokens=False).input_ids
    return prompt_ids + answer_ids + [tokenizer.eos_token_id], len(prompt_ids)


def batch_of(tokenizer: PreTrainedTokenizerFast, examples: list[Example]) -> Batch:
    """Right-padded inputs, and labels shifted by one that ignore the prompt and the padding."""
    rows = [encode(tokenizer, example) for example in examples]
    length = max(len(ids) for ids, _ in rows)
    inputs = torch.full((len(rows), length), tokenizer.pad_token_id)
    labels = torch.full((len(rows), length), IGNORE)
    for index, (ids, prompt) in enumerate(rows):
        inputs[index, : len(ids)] = torch.tensor(ids)
        labels[index, prompt - 1 : len(ids) - 1] = torch.tensor(ids[prompt:])
    return inputs, labels


def loss_of(model: Any, batch: Batch) -> torch.Tensor:
    """Mean loss over the answers; padding comes last, so the causal mask is all that is needed."""
    inputs, labels = batch
    hidden = model.model(inputs, use_cache=False).last_hidden_state
    wanted = labels != IGNORE
    return cross_entropy(model.lm_head(hidden[wanted]).float(), labels[wanted])


def fit(
    model: Any,
    batches: Iterator[Batch],
    steps: int,
    rate: float,
    checkpoint: Callable[[int], None],
    every: int,
) -> None:
    """AdamW with a short warm-up and a cosine decay; prints as it goes, saves every so often."""
    matrices = [p for p in model.parameters() if p.ndim == 2]
    vectors = [p for p in model.parameters() if p.ndim != 2]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))
    model.train()
    began, tokens, recent = time.monotonic(), 0, 0.0
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = rate * schedule(step, steps)
        batch = next(batches)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = loss_of(model, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        tokens += batch[0].numel()
        recent = loss.item() if step == 1 else 0.95 * recent + 0.05 * loss.item()
        if step % 50 == 0:
            took = time.monotonic() - began
            left = took / step * (steps - step)
            print(
                f"step {step}/{steps} loss {recent:.4f} {tokens / took:.0f} tokens/s "
                f"{left / 60:.1f} min left",
                flush=True,
            )
        if step % every == 0 or step == steps:
            checkpoint(step)
            model.train()


def schedule(step: int, steps: int, warmup: int = 100) -> float:
    """The share of the peak learning rate at a step: up linearly, then down to 2 % by a cosine."""
    if step < warmup:
        return step / warmup
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def save(model: Any, tokenizer: PreTrainedTokenizerFast, folder: Path, **sampling: Any) -> None:
    """Write the model in bfloat16 with its tokenizer, swapping the folder in when complete."""
    fresh, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    stored = copy.deepcopy(model).to(torch.bfloat16)
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    stored.generation_config = GenerationConfig(**ends, **sampling)
    stored.save_pretrained(fresh)
    tokenizer.save_pretrained(fresh)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def seeded(seed: int) -> random.Random:
    """Seed torch and return an rng for the world."""
    torch.manual_seed(seed)
    return random.Random(seed)
