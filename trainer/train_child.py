"""The child process that trains: `trainer.train_child job.json`, alone or by `accelerate launch`

Reads the round's pairs, extra.parquet and the candidates behind them; writes the next policy to
the job's `out`, whole or not at all, and training.json beside the job.
"""

import os
import traceback
from pathlib import Path
from typing import Any

os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

from accelerate.utils import broadcast_object_list

from endpoints.child_main import child_main
from rounds.files import read_json, write_json
from rounds.tokenizers import spelling_of
from rounds.weights import Policy
from trainer.answers import answer_rows
from trainer.arguments import trl_config
from trainer.build import build, init_kwargs, load
from trainer.checkpoints import checkpoint_to_resume
from trainer.finite import check_weights
from trainer.measures import measured
from trainer.memory import out_of_memory
from trainer.methods import load_method
from trainer.row_counts import fitted
from trainer.rows import TrainingRow, split, training_rows
from trainer.save import save_policy
from trainer.tokens import Tokenised, limit_of, tokenised

POLICIES = ("policy", "reference")
CURVES = ("loss", "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies")
MOST_MEASURINGS = 2
"""Times that the trained policy is measured where that ends the process."""


def main(job_path: Path) -> None:
    """Train one policy as the job says."""
    job = read_json(job_path)
    train, held_out = split(rows_of(job), job["held_out_pairs"])
    try:
        train_policy(job, train, held_out, job_path.parent)
    except Exception as error:
        if told := out_of_memory(error):
            traceback.print_exc()  # to the log
            raise told from error
        raise


def rows_of(job: dict[str, Any]) -> list[TrainingRow]:
    """What the job is to be trained on: rows that it brings, or those of its round."""
    if "taught" in job:
        taught: list[TrainingRow] = job["taught"]
        return taught
    folder = Path(job["round_dir"])
    rows = training_rows(folder)
    if labels := job.get("answers"):  # in the place of the round's own pairs
        rows = [row for row in rows if row["extra"]]
        rows += answer_rows(folder, [(name, label) for name, label in labels])
    return rows


def train_policy(
    job: dict[str, Any], train: list[TrainingRow], held_out: list[TrainingRow], work: Path
) -> None:
    """Train one policy on rows that are there: what a round does, and its trial in small.

    The weights are saved before they are measured.
    """
    out, policy, reference = Path(job["out"]), *(Policy(**job[name]) for name in POLICIES)
    rows = tokens_of(job, train, held_out)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    method = load_method(job["method"])
    config = trl_config(job["method"], job["args"], str(work / "checkpoints"))
    taught, aside = (len(method.rows(some, config)) for some in (rows.train, rows.held_out))
    args, adjusted = fitted(job["args"], taught, aside, processes)
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
        trainer,
        method,
        lambda: load(reference, init_kwargs(job), False),
        measurings < MOST_MEASURINGS,
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


if __name__ == "__main__":
    child_main(main)
