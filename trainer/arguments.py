"""The config's arguments to TRL's and peft's own config objects, each fault with its name.

Imports torch, so only child processes use it.
"""

import dataclasses
from typing import Any

from rounds.errors import UserError, did_you_mean


def dpo_config(args: dict[str, Any], output_dir: str) -> Any:
    """A trl.DPOConfig. Raises UserError naming an unknown argument or a refused value."""
    import torch
    from trl import DPOConfig

    _check_names(
        "trainer.args", "TRL", args, {field.name for field in dataclasses.fields(DPOConfig)}
    )
    fitting = {} if torch.cuda.is_available() else {"use_cpu": True, "bf16": False}
    try:
        return DPOConfig(**{**fitting, **args, "output_dir": output_dir})
    except (TypeError, ValueError) as error:
        raise UserError(f"trainer.args: {str(error).splitlines()[0]}") from error


def prompt_limit(args: Any) -> float:
    """Tokens from which TRL drops a prompt, without a word: no answer would be left of it."""
    cuts_the_end = args.max_length is not None and args.truncation_mode == "keep_start"
    return args.max_length if cuts_the_end else float("inf")


def lora_config(args: dict[str, Any] | None) -> Any:
    """A peft.LoraConfig, or None."""
    if args is None:
        return None
    from peft import LoraConfig

    _check_names(
        "trainer.lora", "peft", args, {field.name for field in dataclasses.fields(LoraConfig)}
    )
    try:
        return LoraConfig(**{"task_type": "CAUSAL_LM", **args})
    except (TypeError, ValueError) as error:
        raise UserError(f"trainer.lora: {str(error).splitlines()[0]}") from error


def _check_names(where: str, library: str, args: dict[str, Any], names: set[str]) -> None:
    for name in args:
        if name not in names:
            hint = did_you_mean(name, names)
            raise UserError(
                f"{where}.{name}: {library} knows no such argument" + (f"; {hint}" if hint else "")
            )
