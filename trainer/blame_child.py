"""The child process of `prefloop blame`: `trainer.blame_child job.json`, alone or by accelerate.

Trains short LoRAs one after the other, each on its own pairs and from the same policy, and writes
to each one's `out` what it added to the margins of the held-out pairs. No weights are kept.
"""

import gc
import os
import shutil
from pathlib import Path
from typing import Any

os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

import torch
from transformers import set_seed

from endpoints.child_main import child_main
from rounds.files import read_json, write_json
from trainer.build import build
from trainer.finite import check_weights
from trainer.reference_logps import Logps, one_pass
from trainer.rows import training_rows
from trainer.spread import as_main_sees, parting
from trainer.tokens import TokenRow, tokens_of
from trainer.weights import weighed


def main(job_path: Path) -> None:
    """Do the trainings of a job."""
    job = read_json(job_path)
    rows = {row["pair_id"]: row for row in training_rows(Path(job["round_dir"]))}
    held_out = [*(rows[name] for name in job["held_out"]), *job["gold"]]
    for training in job["trainings"]:
        tokens = tokens_of(job, [rows[name] for name in training["pairs"]], held_out)
        train: list[Any] = list(tokens.train)
        if weights := job.get("weights"):
            train, _ = weighed(train, weights)
        _train(job, Path(training["out"]), train, tokens.held_out)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _train(job: dict[str, Any], out: Path, train: list[Any], held_out: list[TokenRow]) -> None:
    checkpoints = out.with_name(f"{out.stem}-checkpoints")
    set_seed(job["args"]["seed"])  # every adapter begins alike, whatever was trained before it
    trainer = build(job, train, [], checkpoints)
    before = _before(trainer, Path(job["before"]), held_out)
    trainer.train()
    check_weights(trainer)
    trainer.ref_model = trainer.model  # with one of its own TRL leaves the adapter switched on
    after = _logps(trainer, held_out)
    if trainer.accelerator.is_main_process:
        margins = {
            row["pair_id"]: (after[0][place] - after[1][place])
            - (before[0][place] - before[1][place])
            for place, row in enumerate(held_out)
        }
        write_json(out, margins)
        shutil.rmtree(checkpoints, ignore_errors=True)
    trainer.accelerator.wait_for_everyone()
    trainer.accelerator.free_memory()


def _before(trainer: Any, kept: Path, held_out: list[TokenRow]) -> Logps:
    """What the policy that all begin from gives the held-out answers; taken once."""
    there: Logps | None = as_main_sees(trainer, lambda: read_json(kept) if kept.exists() else None)
    if there is not None:
        return there
    found = _logps(trainer, held_out)
    if trainer.accelerator.is_main_process:
        write_json(kept, found)
    return found


def _logps(trainer: Any, rows: list[TokenRow]) -> Logps:
    return one_pass(trainer, trainer.model.eval(), rows, trainer.args.per_device_eval_batch_size)


if __name__ == "__main__":
    child_main(parting(main))
