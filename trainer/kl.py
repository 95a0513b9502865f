"""How far the trained policy has moved from its reference."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import torch
from peft import PeftModel

from trainer.methods import Method, Row
from trainer.rows import Answer
from trainer.tokens import Tokenised

SEQUENCES = 64


class Answers(NamedTuple):
    """Answers to measure on, and whether their prompts are held out of training."""

    answers: Sequence[Answer]
    held_out: bool


def kl_answers(rows: Tokenised, sampled: Sequence[Answer]) -> Answers:
    """Answers to held-out prompts: both sides of held-out pairs, and what the policy in place has
    `sampled` at gate prompts, about as many of each; where there are none, answers trained on.
    """
    pairs = list(_sides(rows.held_out))
    few = max(SEQUENCES // 2, SEQUENCES - len(sampled))
    chosen = [*pairs[:few], *sampled][:SEQUENCES]
    if chosen:
        return Answers(chosen, True)
    return Answers(list(islice(_sides(rows.train), SEQUENCES)), False)


def _sides(rows: Sequence[Row]) -> Iterator[Answer]:
    for row in rows:
        yield row["prompt_ids"], row["chosen_ids"]
        if "label" not in row:  # a single answer stands on both sides
            yield row["prompt_ids"], row["rejected_ids"]


def kl_figures(
    trainer: Any, method: Method, given: Answers, load_reference: Callable[[], Any]
) -> dict[str, Any]:
    """kl_to_reference, with how many answers it is of and whether their prompts are held out."""
    kl = kl_to_reference(trainer, method, given.answers, load_reference)
    count = 0 if kl is None else len(given.answers)
    return {"kl_per_token": kl, "kl_answers": count, "kl_held_out": given.held_out}


@torch.no_grad()
def kl_to_reference(
    trainer: Any,
    method: Method,
    answers: Sequence[Answer],
    load_reference: Callable[[], Any],
) -> float | None:
    """KL(policy || reference) in nats per answer token, exact over the vocabulary at each.

    None when the weights are spread over processes. `load_reference` gives the reference where the
    trainer has none or has not kept it (`precompute_ref_log_probs`); its optimizer goes for it.
    """
    if trainer.accelerator.num_processes > 1:
        return None
    model = trainer.accelerator.unwrap_model(trainer.model).eval()
    reference_model = getattr(trainer, "ref_model", None)
    let_go = getattr(trainer, "reference_let_go", False)
    beside_adapter = method.reference and isinstance(model, PeftModel) and not let_go
    if reference_model is None and not beside_adapter:
        trainer.optimizer = trainer.lr_scheduler = None
        trainer.accelerator.free_memory()
        model.zero_grad(set_to_none=True)
        reference_model = load_reference().to(model.device).eval()
    total, tokens = 0.0, 0
    for prompt, answer in answers:  # one at a time: it is logits of the whole vocabulary
        inputs = {"input_ids": torch.tensor([[*prompt, *answer]], device=model.device)}
        there = slice(len(prompt) - 1, -1)
        policy = model(**inputs).logits[0, there].float().log_softmax(-1)
        logits = _reference_logits(reference_model, model, inputs)
        reference = logits[0, there].float().log_softmax(-1)
        total += float((policy.exp() * (policy - reference)).sum())
        tokens += len(answer)
    return total / tokens if tokens else None


def _reference_logits(reference_model: Any, model: Any, inputs: Any) -> torch.Tensor:
    if reference_model is not None:
        logits: torch.Tensor = reference_model(**inputs).logits
        return logits
    if "ref" not in model.peft_config:
        with model.disable_adapter():
            return model(**inputs).logits
    model.set_adapter("ref")
    logits = model(**inputs).logits
    model.set_adapter("default")
    return logits
