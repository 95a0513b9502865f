"""The child process of the trial: `trainer.trial_child job.json`, launched as the training is

Trains a policy in small for one step, saves it, and trains what was saved, as the next round would,
for one step more unless that is the same training again. Writes tried.json beside the job: the
policy that came out, or why there was none to try.
"""

import os
import shutil
import traceback
from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from endpoints.child_main import child_main
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.tokenizers import policy_tokenizer
from rounds.weights import Policy, local_policy
from trainer.alike import saved_alike
from trainer.arguments import first_line, lora_config, trl_config
from trainer.row_counts import batch_size
from trainer.rows import TrainingRow
from trainer.small_policy import make_small
from trainer.spread import parting
from trainer.train_child import train_policy

HELD_OUT = 2
LONGEST_REASON = 600
TRIAL = "a trial of the training in small; trainer.trial: false leaves it out"


def main(job_path: Path) -> None:
    """Try the job's training in small."""
    job, work = read_json(job_path), job_path.parent
    wanted, processes = job["processes"], int(os.environ.get("WORLD_SIZE", "1"))
    if wanted not in (None, processes):
        raise UserError(
            f"trainer.accelerate.num_processes: accelerate started {processes} of {wanted}; "
            "multi_gpu: true starts as many, on a CPU with trainer.args.use_cpu: true"
        )
    trl_config(job["method"], job["args"], str(work / "checkpoints"))  # as the user gave them
    first = make_small(job, work)
    if first is None:
        return
    args = {**job["args"], **one_step(job["args"])}
    main_process = int(os.environ.get("RANK", "0")) == 0
    policy, alike = first, False
    for number in range(job["rounds"]):
        reference = policy if job["reference"] == "previous" else first
        out = work / f"policy-{number}"
        told = {
            "method": job["method"],
            "policy": policy._asdict(),
            "reference": reference._asdict(),
            "args": args,
            "lora": lora_in_small(job["lora"]),
            "out": str(out),
        }
        if reason := attempt(job, told, work / str(number)):
            write_json(work / "tried.json", {"policy": None, "reason": reason})
            return
        if main_process:
            shutil.rmtree(work / str(number) / "checkpoints", ignore_errors=True)  # large
        full = policy.adapter is None and job["lora"] is None
        policy = local_policy(out) if full else local_policy(Path(policy.model), out)
        alike = full and saved_alike(out, Path(job["policy"]["model"]))
        if alike and job["reference"] == "previous":
            break  # the next round would be this one again
    for number, variant in enumerate(job.get("variants", ())):
        args, where = {**variant, **one_step(variant)}, work / f"variant-{number}"
        told = {**told, "policy": first._asdict(), "reference": first._asdict(), "args": args}
        try:
            attempt(job, {**told, "out": str(where / "policy")}, where)
        except UserError as error:
            raise UserError(f"trainer.sweep, variant {number + 2}: {error}") from error
    if main_process:
        tried = {"policy": policy._asdict(), "reason": None, "alike": alike}
        write_json(work / "tried.json", tried)


def attempt(job: dict[str, Any], told: dict[str, Any], work: Path) -> str | None:
    """Train as `told` for a step; why this policy cannot be tried in small, or None where it was.

    Raises UserError naming the key for whatever TRL, peft or transformers refuse.
    """
    try:
        rows = training_rows(Policy(**told["policy"]), told["args"])
        train_policy(told, rows, rows[:HELD_OUT] if job["held_out"] else [], work)
    except UserError as error:
        raise UserError(f"{error} (met by {TRIAL})") from error
    except Exception as error:
        traceback.print_exc()
        by_peft = job["lora"] is not None and raised_in(error) == "peft"
        if by_peft and fits_whole_policy(job["lora"], Path(job["policy"]["model"])):
            return "trainer.lora names layers that the policy in small does not have"
        of_adapter = by_peft or (job["lora"] is not None and "PEFT" in str(error))
        key = "trainer.lora" if of_adapter else "trainer.args"
        raise UserError(f"{key}: {reason_of(error)} (met by {TRIAL})") from error
    return None


def one_step(args: dict[str, Any]) -> dict[str, Any]:
    """What makes a training short, leaving what it does: it logs, evaluates and saves if asked."""
    every_step = {"max_steps": 1, "logging_steps": 1, "report_to": "none"}
    for what in ("eval", "save"):
        if args.get(f"{what}_strategy") in (None, "steps"):
            every_step[f"{what}_steps"] = 1
    return every_step


def lora_in_small(lora: dict[str, Any] | None) -> dict[str, Any] | None:
    """The adapter's settings for a model of few layers."""
    if lora is None or lora.get("layers_to_transform") is None:
        return lora
    return {**lora, "layers_to_transform": [0]}


def fits_whole_policy(lora: dict[str, Any], folder: Path) -> bool:
    """Whether peft finds in the policy with all its layers, without weights, what it did not find
    in the one in small.
    """
    try:
        with torch.device("meta"):
            whole = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
        get_peft_model(whole, lora_config(lora))
    except Exception:  # it refuses this one as well, or nobody knows
        return False
    return True


def training_rows(policy: Policy, args: dict[str, Any]) -> list[TrainingRow]:
    """As many short pairs as one batch of all processes has, or two."""
    tokenizer = policy_tokenizer(policy)
    batch = batch_size(args) if args.get("dataloader_drop_last") else HELD_OUT
    return [
        {
            "prompt": [{"role": "user", "content": f"Hello {number}"}],
            "chosen": [{"role": "assistant", "content": "Good day"}],
            "rejected": [{"role": "assistant", "content": "No"}],
            "chosen_token_ids": tokenizer("Good day", add_special_tokens=False).input_ids,
            "rejected_token_ids": tokenizer("No", add_special_tokens=False).input_ids,
            "prompt_token_ids": None,
            "cut": [],
            "prompts_differ": False,
            "prompt_id": f"trial {number}",
            "pair_id": f"trial {number}",
            "extra": False,
        }
        for number in range(batch * int(os.environ.get("WORLD_SIZE", "1")))
    ]


def reason_of(error: Exception) -> str:
    """What a library says, or where in its code it ended where it says nothing."""
    if str(error):
        return first_line(error)[:LONGEST_REASON]
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {last.filename}, line {last.lineno}: {last.line}"


def raised_in(error: Exception) -> str:
    """The package whose code raised an error."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


if __name__ == "__main__":
    child_main(parting(main))
