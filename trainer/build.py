"""The trainer of a job: policy, reference, rows and arguments in TRL's hands.

Imports TRL, so only child processes use it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import PeftModel
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    PreTrainedModel,
    TrainerCallback,
)

from endpoints.child_main import report_progress
from rounds.tokenizers import policy_tokenizer
from rounds.weights import Policy
from trainer.arguments import lora_config, trl_config
from trainer.finite import StopAtNotANumber
from trainer.methods import Row, load_method
from trainer.sampled_logps import with_sums


def build(
    job: dict[str, Any], train: Sequence[Row], held_out: Sequence[Row], output_dir: Path
) -> Any:
    """The trainer of the job's method on pairs as ids (trainer.tokens.TokenRow)."""
    method = load_method(job["method"])
    policy, reference = Policy(**job["policy"]), Policy(**job["reference"])
    args = trl_config(job["method"], job["args"], str(output_dir))
    args.disable_tqdm = True
    # a policy already in memory must not be given init arguments a second time
    args.model_init_kwargs = None
    args.max_length = None  # no row is longer, and none is cut
    given: dict[str, Any] = {}
    if method.precomputes(args):
        if "precompute_ref_log_probs" not in job["args"]:
            args.precompute_ref_log_probs = True
        if job.get("shared"):
            given["kept"] = Path(job["shared"])
    kwargs = init_kwargs(job)
    train, held_out = (with_sums(some, reference.policy_id) for some in (train, held_out))
    if method.reference:
        # None lets TRL take the policy as it is now: a copy, the base below a new adapter, or a
        # frozen copy of the adapter
        given["ref_model"] = None if reference == policy else _bare(load(reference, kwargs, False))
    tokenizer = policy_tokenizer(policy)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token  # as TRL's trainers do, but for ORPO's
    return method.trainer(
        model=load(policy, kwargs, trainable=True),
        args=args,
        train_dataset=Dataset.from_list(method.rows(train, args)),
        eval_dataset=Dataset.from_list(method.rows(held_out, args)) if held_out else None,
        processing_class=tokenizer,
        peft_config=None if policy.adapter else lora_config(job["lora"]),
        callbacks=[ProgressLines(), StopAtNotANumber()],
        **given,
    )


def init_kwargs(job: dict[str, Any]) -> dict[str, Any]:
    """The job's arguments for loading a model."""
    return dict(job["args"].get("model_init_kwargs") or {})


def load(policy: Policy, kwargs: dict[str, Any], trainable: bool) -> PreTrainedModel | PeftModel:
    """A policy's weights, in float32 unless `kwargs` (model_init_kwargs) say otherwise.

    Without its generation_config: nothing is generated here, and transformers refuses to save one
    that contradicts itself.
    """
    given = {"dtype": "float32", "trust_remote_code": False, "use_safetensors": True, **kwargs}
    model = AutoModelForCausalLM.from_pretrained(policy.model, **given)
    model.generation_config = GenerationConfig()
    if policy.adapter is None:
        return model
    adapted = PeftModel.from_pretrained(model, policy.adapter, is_trainable=trainable)
    for one in adapted.peft_config.values():  # which peft reads when it saves
        one.base_model_name_or_path = policy.model
    return adapted


def _bare(model: Any) -> Any:
    """A reference model as TRL takes it: its fused head wants no PeftModel around the layers, in
    which an adapter stays.
    """
    return model.get_base_model() if isinstance(model, PeftModel) else model


class ProgressLines(TrainerCallback):
    """One progress line for the parent after each step."""

    def __init__(self) -> None:
        self._note = "training"

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self._note = f"loss {float(logs['loss']):.3f}"

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            report_progress(state.global_step, state.max_steps, self._note)
