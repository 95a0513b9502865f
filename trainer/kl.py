"""How far the trained policy has moved from its reference."""

from collections.abc import Callable
from typing import Any

import torch
from peft import PeftModel

from trainer.methods import Method

SEQUENCES = 64


@torch.no_grad()
def kl_to_reference(
    trainer: Any, method: Method, load_reference: Callable[[], Any]
) -> float | None:
    """KL(policy || reference) in nats per answer token, on the answers of up to 64 sequences.

    Exact over the vocabulary at each token, along answers of the policy that sampled the round.
    None when the weights are spread over processes. `load_reference` gives the reference where the
    trainer has none or has not kept it (`precompute_ref_log_probs`); its optimizer goes for it.
    """
    if trainer.accelerator.num_processes > 1:
        return None
    model = trainer.accelerator.unwrap_model(trainer.model).eval()
    dataloader = trainer.get_train_dataloader()
    reference_model = getattr(trainer, "ref_model", None)
    beside_adapter = method.reference and isinstance(model, PeftModel)
    if reference_model is None and not beside_adapter:
        trainer.optimizer = trainer.lr_scheduler = None
        trainer.accelerator.free_memory()
        model.zero_grad(set_to_none=True)
        reference_model = load_reference().to(model.device).eval()
    total, tokens, done = 0.0, 0, 0
    for batch in dataloader:
        for some in method.sequences(batch):
            inputs = {"input_ids": some.input_ids, "attention_mask": some.attention_mask}
            mask = some.answers[:, 1:].bool()
            policy = model(**inputs).logits[:, :-1].float().log_softmax(-1)
            logits = _reference_logits(reference_model, model, inputs)
            reference = logits[:, :-1].float().log_softmax(-1)
            gap = (policy.exp() * (policy - reference)).sum(-1)
            total += float(gap[mask].sum())
            tokens += int(mask.sum())
            done += len(mask)
        if done >= SEQUENCES:
            break
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
