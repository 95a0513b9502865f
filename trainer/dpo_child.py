"""The child process that trains: `trainer.dpo_child job.json`, by itself or by `accelerate launch`

Reads the round's pairs, extra.parquet and the candidates behind them; writes the next policy to
the job's `out`, whole or not at all, and training.json beside the job.
"""

import os
from pathlib import Path
from typing import Any

os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

from accelerate.utils import broadcast_object_list
from datasets import Dataset
from peft import PeftModel
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    PreTrainedModel,
    TrainerCallback,
)

from endpoints.child_main import child_main, report_progress
from rounds.files import read_json, write_json
from rounds.tokenizers import policy_tokenizer, spelling_of
from rounds.weights import Policy
from trainer.arguments import dpo_config, lora_config
from trainer.checkpoints import checkpoint_to_resume
from trainer.dpo_trainer import TokenTrainer
from trainer.finite import StopAtNotANumber, check_weights
from trainer.measures import measured
from trainer.row_counts import fitted
from trainer.rows import TrainingRow, split, training_rows
from trainer.save import save_policy
from trainer.tokens import Tokenised, TokenRow, limit_of, tokenised

POLICIES = ("policy", "reference")
CURVES = ("loss", "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies")
MOST_MEASURINGS = 2
"""Times that the trained policy is measured where that ends the process."""


def main(job_path: Path) -> None:
    """Train one policy as the job says."""
    job = read_json(job_path)
    train, held_out = split(training_rows(Path(job["round_dir"])), job["held_out_pairs"])
    train_policy(job, train, held_out, job_path.parent)


def train_policy(
    job: dict[str, Any], train: list[TrainingRow], held_out: list[TrainingRow], work: Path
) -> None:
    """Train one policy on rows that are there: what a round does, and its trial in small.

    The weights are saved before they are measured.
    """
    out, policy, reference = Path(job["out"]), *(Policy(**job[name]) for name in POLICIES)
    rows = tokens_of(job, train, held_out)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    args, adjusted = fitted(job["args"], len(rows.train), len(rows.held_out), processes)
    job = {**job, "args": args}
    trainer = build(job, rows.train, rows.held_out, work / "checkpoints")
    is_main, saved = trainer.accelerator.is_main_process, work / "trained.json"
    if saved.exists() and out.exists():
        trainer._load_from_checkpoint(str(out))
        facts, measurings = read_json(saved)["facts"], read_json(saved)["measurings"]
    else:
        trainer.train(resume_from_checkpoint=resumed(trainer, rows, work / "checkpoints"))
        check_weights(trainer)
        steps = {"steps": trainer.state.global_step, "curves": curves(trainer)}
        facts, measurings = {**rows.facts, **steps, "adjusted": adjusted}, 0
        save_policy(trainer, policy, out)
    trainer.accelerator.wait_for_everyone()
    if is_main:
        write_json(saved, {"facts": facts, "measurings": measurings + 1})
    figures = measured(
        trainer, lambda: load(reference, init_kwargs(job), False), measurings < MOST_MEASURINGS
    )
    if is_main:
        write_json(work / "training.json", facts | figures)


def tokens_of(
    job: dict[str, Any], train: list[TrainingRow], held_out: list[TrainingRow]
) -> Tokenised:
    """Pairs as token ids of the policy that is trained, without those that are too long."""
    policy = Policy(**job["policy"])
    return tokenised(spelling_of(policy), train, held_out, limit_of(policy, job["args"]))


def resumed(trainer: Any, rows: Tokenised, folder: Path) -> str | None:
    """The checkpoint to go on from, the same one for every process."""
    found: list[str | None] = [None]
    if trainer.accelerator.is_main_process:
        sharded = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled
        given = trainer.args, rows.train, trainer.accelerator.num_processes, sharded
        found = [checkpoint_to_resume(folder, *given)]
    return broadcast_object_list(found)[0]


def curves(trainer: Any) -> list[dict[str, float]]:
    """What TRL has logged of the training, step by step."""
    return [
        {name: entry[name] for name in ("step", *CURVES) if name in entry}
        for entry in trainer.state.log_history
        if "loss" in entry
    ]


def build(
    job: dict[str, Any], train: list[TokenRow], held_out: list[TokenRow], output_dir: Path
) -> Any:
    """The trainer of a job: policy, reference, data and arguments in TRL's hands."""
    policy, reference = Policy(**job["policy"]), Policy(**job["reference"])
    args = dpo_config(job["args"], str(output_dir))
    args.disable_tqdm = True
    # a policy already in memory must not be given init arguments a second time
    args.model_init_kwargs = None
    args.max_length = None  # no row is longer, and none is cut
    previous, kwargs = reference == policy, init_kwargs(job)
    return TokenTrainer(
        model=load(policy, kwargs, trainable=True),
        # None lets TRL take the policy as it is now: a copy, the base below a new adapter, or a
        # frozen copy of the adapter
        ref_model=None if previous else load(reference, kwargs, trainable=False),
        args=args,
        train_dataset=Dataset.from_list(train),
        eval_dataset=Dataset.from_list(held_out) if held_out else None,
        processing_class=policy_tokenizer(policy),
        peft_config=None if policy.adapter else lora_config(job["lora"]),
        callbacks=[ProgressLines(), StopAtNotANumber()],
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


if __name__ == "__main__":
    child_main(main)
