"""The child process that trains: `trainer.train_child job.json`, alone or by `accelerate launch`

Reads the round's pairs, extra.parquet and the candidates behind them; writes the next policy to
the job's `out`, whole or not at all, and training.json beside the job.
"""

import os
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

from endpoints.child_main import child_main
from rounds.files import read_json, write_json
from rounds.weights import Policy
from trainer.answers import answer_rows
from trainer.arguments import trl_config
from trainer.build import build, init_kwargs, load
from trainer.checkpoints import checkpoint_to_resume
from trainer.falling import chosen_against_reference, fell_warning
from trainer.finite import check_weights
from trainer.kl import kl_answers
from trainer.measures import measured
from trainer.memory import out_of_memory
from trainer.methods import Row, load_method
from trainer.row_counts import fitted
from trainer.rows import Answer, TrainingRow, held_out_answers, split, training_rows
from trainer.save import save_policy
from trainer.shared_rows import read_shared, weighed_tokens
from trainer.spread import as_main_sees, check_reference, check_sharded, is_sharded, parting
from trainer.tokens import Tokenised, tokens_of
from trainer.tracking import tracked

POLICIES = ("policy", "reference")
CURVES = (
    "loss",
    "grad_norm",
    *(f"rewards/{name}" for name in ("chosen", "rejected", "margins", "accuracies")),
    *(f"logps/{side}" for side in ("chosen", "rejected")),
)
MOST_MEASURINGS = 2
"""Times that the trained policy is measured where that ends the process."""


def main(job_path: Path) -> None:
    """Train one policy as the job says."""
    job = read_json(job_path)
    sampled: list[Answer] = []
    if "round_dir" in job:
        folder = Path(job["round_dir"])
        variant = job_path.parent.name if job.get("shared") else None
        job["args"] = tracked(job["args"], folder, os.environ, job["key"], variant)
        sampled = held_out_answers(folder, job["policy"]["policy_id"])
    try:
        if job.get("shared"):
            train_on(job, read_shared(Path(job["shared"])), job_path.parent, sampled)
        else:
            train, held_out = split(rows_of(job), job["held_out_pairs"])
            train_policy(job, train, held_out, job_path.parent, sampled)
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
    job: dict[str, Any],
    train: list[TrainingRow],
    held_out: list[TrainingRow],
    work: Path,
    sampled: Sequence[Answer] = (),
) -> None:
    """Train one policy on rows that are there: what a round does, and its trial in small."""
    train_on(job, weighed_tokens(job, tokens_of(job, train, held_out)), work, sampled)


def train_on(
    job: dict[str, Any], rows: Tokenised, work: Path, sampled: Sequence[Answer] = ()
) -> None:
    """Train one policy on ids. The weights are saved before they are measured, also on the
    `sampled` answers to held-out prompts.
    """
    out, policy, reference = Path(job["out"]), *(Policy(**job[name]) for name in POLICIES)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    method = load_method(job["method"])
    config = trl_config(job["method"], job["args"], str(work / "checkpoints"))
    check_sharded(job["method"], config)
    taught, aside = (len(method.rows(some, config)) for some in (rows.train, rows.held_out))
    args, adjusted = fitted(job["args"], taught, aside, processes)
    job = {**job, "args": args}
    trainer = build(job, rows.train, rows.held_out, work / "checkpoints")
    check_reference(trainer)
    is_main, saved = trainer.accelerator.is_main_process, work / "trained.json"
    there: dict[str, Any] | None = as_main_sees(
        trainer, lambda: read_json(saved) if saved.exists() and out.exists() else None
    )
    if there is not None:
        facts, measurings = there["facts"], there["measurings"]
        if is_sharded(trainer):  # which loads no whole weights
            measurings = MOST_MEASURINGS
        else:
            trainer._load_from_checkpoint(str(out))
    else:
        trainer.train(resume_from_checkpoint=resumed(trainer, rows, work / "checkpoints"))
        check_weights(trainer)
        steps = {"steps": trainer.state.global_step, "curves": curves(trainer)}
        seen = watched(trainer, steps["curves"], rows.train) if method.reference else {}
        facts, measurings = {**rows.facts, **steps, **seen, "adjusted": adjusted}, 0
        save_policy(trainer, policy, out)
    trainer.accelerator.wait_for_everyone()
    if is_main:
        write_json(saved, {"facts": facts, "measurings": measurings + 1})
    figures = measured(
        trainer,
        method,
        kl_answers(rows, sampled),
        lambda: load(reference, init_kwargs(job), False),
        measurings < MOST_MEASURINGS,
    )
    if is_main:
        write_json(work / "training.json", facts | figures)


def resumed(trainer: Any, rows: Tokenised, folder: Path) -> str | None:
    """The checkpoint to go on from, the same one for every process."""
    given = trainer.args, rows.train, trainer.accelerator.num_processes, is_sharded(trainer)
    return as_main_sees(trainer, lambda: checkpoint_to_resume(folder, *given))


def curves(trainer: Any) -> list[dict[str, float]]:
    """What TRL has logged of the training, step by step."""
    return [
        {name: entry[name] for name in ("step", *CURVES) if name in entry}
        for entry in trainer.state.log_history
        if "loss" in entry
    ]


def watched(trainer: Any, points: list[dict[str, float]], train: Sequence[Row]) -> dict[str, Any]:
    """Of a training with a reference: where its log-probabilities came from, and whether the chosen
    answers fell.
    """
    args = trainer.args
    lengths = [len(row["chosen_ids"]) for row in train if row.get("label", True)]
    tokens = sum(lengths) / len(lengths) if lengths else 0.0
    nats = chosen_against_reference(points, getattr(args, "beta", 0.0), tokens)
    losses = getattr(args, "loss_type", [])
    losses, mixes = [losses] if isinstance(losses, str) else losses, hasattr(args, "loss_weights")
    return {
        "reference": getattr(trainer, "reference_facts", {"logprobs": "each step"}),
        "chosen_nats_a_token": nats,
        "warnings": fell_warning(nats, losses, mixes),
    }


if __name__ == "__main__":
    child_main(parting(main))
