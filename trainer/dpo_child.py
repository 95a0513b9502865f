"""The child process that trains: `trainer.dpo_child job.json`, by itself or by `accelerate launch`

Reads the round's pairs, extra.parquet and the candidates behind them; writes the next policy to
the job's `out` and training.json beside the job.
"""

import os
import shutil
from pathlib import Path
from typing import Any

os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

from datasets import Dataset
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, TrainerCallback

from endpoints.child_main import child_main, report_progress
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.weights import Policy
from trainer.arguments import dpo_config, lora_config
from trainer.finite import StopAtNotANumber, check_weights
from trainer.held_out import held_out_accuracy
from trainer.kl import kl_to_reference
from trainer.row_counts import fitted
from trainer.rows import TrainingRow, split, training_rows
from trainer.sampled_tokens import SampledTokensTrainer

MOST_NAMED = 10
"""Pairs that are named of those that TRL drops."""
CURVES = ("loss", "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies")


def main(job_path: Path) -> None:
    """Train one policy as the job says."""
    job = read_json(job_path)
    train, held_out = split(training_rows(Path(job["round_dir"])), job["held_out_pairs"])
    train_policy(job, train, held_out, job_path.parent)


def train_policy(
    job: dict[str, Any], train: list[TrainingRow], held_out: list[TrainingRow], work: Path
) -> None:
    """Train one policy on rows that are there: what a round does, and its trial in small."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    args, adjusted = fitted(job["args"], len(train), len(held_out), processes)
    trainer = build({**job, "args": args}, train, held_out, work / "checkpoints")
    too_long = dropped_by_trl(trainer, train + held_out)
    # a checkpoint of weights alone has no optimizer to go on with
    begun = None if trainer.args.save_only_model else last_checkpoint(work / "checkpoints")
    trainer.train(resume_from_checkpoint=begun)
    check_weights(trainer)
    accuracy, counted = held_out_accuracy(trainer)
    curves = [
        {name: entry[name] for name in ("step", *CURVES) if name in entry}
        for entry in trainer.state.log_history
        if "loss" in entry
    ]
    facts = {
        "pairs": len(trainer.train_dataset),
        "extra_pairs": sum(trainer.train_dataset["extra"]),
        "held_out_pairs": len(trainer.eval_dataset or ()),
        "too_long": {"pairs": len(too_long), "first": too_long[:MOST_NAMED]},
        "steps": trainer.state.global_step,
        "curves": curves,
        "held_out_accuracy": accuracy,
        "held_out_n": counted,
        "adjusted": adjusted,
        "kl_per_token": kl_to_reference(trainer),
    }
    trainer.save_model(job["out"])
    if trainer.accelerator.is_main_process:
        write_json(work / "training.json", facts)


def last_checkpoint(folder: Path) -> str | None:
    """The newest whole checkpoint; one that a kill cut short is removed.

    TRL writes trainer_state.json last and gives no other sign that a checkpoint is complete.
    """
    steps = {int(path.name.rpartition("-")[2]): path for path in folder.glob("checkpoint-*")}
    for _, path in sorted(steps.items(), reverse=True):
        try:
            read_json(path / "trainer_state.json")
        except (FileNotFoundError, ValueError):
            shutil.rmtree(path)
        else:
            return str(path)
    return None


def build(
    job: dict[str, Any], train: list[TrainingRow], held_out: list[TrainingRow], output_dir: Path
) -> Any:
    """The trainer of a job: policy, reference, data and arguments in TRL's hands."""
    policy, reference = Policy(**job["policy"]), Policy(**job["reference"])
    args = dpo_config(job["args"], str(output_dir))
    args.disable_tqdm = True
    kwargs = dict(args.model_init_kwargs or {})
    # a policy already in memory must not be given init arguments a second time
    args.model_init_kwargs = None
    previous = reference == policy
    return SampledTokensTrainer(
        model=load(policy, kwargs, trainable=True),
        # None lets TRL take the policy as it is now: a copy, the base below a new adapter, or a
        # frozen copy of the adapter
        ref_model=None if previous else load(reference, kwargs, trainable=False),
        args=args,
        train_dataset=Dataset.from_list(train),
        eval_dataset=Dataset.from_list(held_out) if held_out else None,
        processing_class=AutoTokenizer.from_pretrained(policy.model),
        peft_config=None if policy.adapter else lora_config(job["lora"]),
        callbacks=[ProgressLines(), StopAtNotANumber()],
    )


def load(policy: Policy, kwargs: dict[str, Any], trainable: bool) -> PreTrainedModel | PeftModel:
    """A policy's weights, in float32 unless `kwargs` (model_init_kwargs) say otherwise."""
    model = AutoModelForCausalLM.from_pretrained(policy.model, **{"dtype": "float32", **kwargs})
    if policy.adapter is None:
        return model
    return PeftModel.from_pretrained(model, policy.adapter, is_trainable=trainable)


def dropped_by_trl(trainer: Any, rows: list[TrainingRow]) -> list[str]:
    """Ids of the pairs that TRL drops because their prompt alone fills max_length.

    Raises UserError where that leaves none to train on.
    """
    if not len(trainer.train_dataset):
        raise UserError(
            f"trainer.args.max_length: every prompt has {trainer.args.max_length} tokens or more, "
            "so TRL would train on nothing; raise it"
        )
    kept = set(trainer.train_dataset["pair_id"])
    kept |= set(trainer.eval_dataset["pair_id"] if trainer.eval_dataset else ())
    return [row["pair_id"] for row in rows if row["pair_id"] not in kept]


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
