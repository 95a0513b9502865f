"""The config's arguments to TRL's and peft's own config objects, each fault with its name.

Imports torch, so only child processes use it: `python -m trainer.arguments job.json` checks a
job's `args` and `lora` and says the first fault.
"""

import dataclasses
import tempfile
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from endpoints.child_main import child_main
from rounds.errors import UserError
from rounds.files import read_json


def dpo_config(args: dict[str, Any], output_dir: str) -> Any:
    """A trl.DPOConfig. Raises UserError naming an unknown argument or a refused value."""
    import torch
    from trl import DPOConfig

    _known("trainer.args", args, {field.name for field in dataclasses.fields(DPOConfig)})
    fitting = {} if torch.cuda.is_available() else {"use_cpu": True, "bf16": False}
    try:
        return DPOConfig(**{**fitting, **args, "output_dir": output_dir})
    except (TypeError, ValueError) as error:
        raise UserError(f"trainer.args: {str(error).splitlines()[0]}") from error


def lora_config(args: dict[str, Any] | None) -> Any:
    """A peft.LoraConfig, or None."""
    if args is None:
        return None
    from peft import LoraConfig

    _known("trainer.lora", args, {field.name for field in dataclasses.fields(LoraConfig)})
    try:
        return LoraConfig(**{"task_type": "CAUSAL_LM", **args})
    except (TypeError, ValueError) as error:
        raise UserError(f"trainer.lora: {str(error).splitlines()[0]}") from error


def _known(where: str, args: dict[str, Any], names: set[str]) -> None:
    for name in args:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UserError(f"{where}.{name}: TRL knows no such argument{hint}")


def check(job_path: Path) -> None:
    """Raise UserError for the first argument of the job that TRL or peft would refuse."""
    job = read_json(job_path)
    with tempfile.TemporaryDirectory() as folder:
        dpo_config(job["args"], folder)
        lora_config(job["lora"])


if __name__ == "__main__":
    child_main(check)
