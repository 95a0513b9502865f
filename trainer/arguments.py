"""The config's arguments to TRL's and peft's own config objects, each fault with its name.

Imports torch, so only child processes use it.
"""

import dataclasses
import typing
from typing import Any

from rounds.errors import UserError, did_you_mean
from trainer.methods import load_method

NOT_HERE = {
    "push_to_hub": "would publish a policy that the gate has not judged; write the promoted one "
    "with `prefloop publish runs/NAME --to hub:OWNER/NAME`",
    "resume_from_checkpoint": "is set by prefloop: a training that was killed goes on by itself",
}
"""Arguments of TRL that would do something here that nobody asked for, and why; a method's own
stand in its file.
"""

NOT_SAMPLED: dict[str, tuple[tuple[object, ...], str]] = {
    "use_dora": ((None, False), "vLLM does not load DoRA; leave it out"),
    "modules_to_save": (
        (None, [], ()),
        "vLLM loads low-rank weights alone; name the modules under target_modules, or train all "
        "weights (trainer.lora: null)",
    ),
    "bias": ((None, "none"), "vLLM loads no biases of an adapter; leave it at none"),
    "lora_bias": ((None, False), "vLLM loads no biases of an adapter; leave it out"),
    "layer_replication": ((None, []), "vLLM does not load it; leave it out"),
}
"""Arguments of peft whose adapters vLLM refuses: the values it takes, and what would be right."""

NOT_BELOW_0 = ("beta", "loss_weights", "desirable_weight", "undesirable_weight", "cpo_alpha")
"""Arguments that turn the direction of what is taught round with their sign."""

MAX_RANK = 512
"""The largest rank that vLLM can be started for (max_lora_rank)."""


def trl_config(method: str, args: dict[str, Any], output_dir: str) -> Any:
    """The method's TRL config. Raises UserError naming an unknown argument or a refused value."""
    import torch
    from transformers.integrations import get_reporting_integration_callbacks

    how = load_method(method)
    args = _checked("trainer.args", args, how.config)
    for name, why in {**NOT_HERE, **how.refused}.items():
        if args.get(name):
            raise UserError(f"trainer.args.{name}: {why}")
    # a bare `no` is false in YAML
    given = {
        name: "no" if name.endswith("_strategy") and value is False else value
        for name, value in args.items()
    }
    fitting = {} if torch.cuda.is_available() else {"use_cpu": True, "bf16": False}
    fitting["logging_nan_inf_filter"] = False  # a loss that is none is logged as it is
    try:
        config = how.config(**{**fitting, **given, "output_dir": output_dir})
    except Exception as error:  # TRL's own, or of a package that an argument needs
        raise UserError(f"trainer.args: {first_line(error)}") from error
    if config.num_train_epochs <= 0 and config.max_steps <= 0:
        raise UserError(
            f"trainer.args.num_train_epochs: {config.num_train_epochs:g} trains nothing"
        )
    try:
        for callback in get_reporting_integration_callbacks(config.report_to):
            callback()
    except Exception as error:
        raise UserError(f"trainer.args.report_to: {first_line(error)}") from error
    _check_direction(config)
    how.check(config)
    return config


def _check_direction(config: Any) -> None:
    """Raise UserError for a number with which the losses would teach the rejected side."""
    for name in NOT_BELOW_0:
        value = getattr(config, name, None)
        if value is not None and any(one < 0 for one in (value if _is_list(value) else [value])):
            raise UserError(f"trainer.args.{name}: below 0 it teaches the rejected side ({value})")
    smoothing = getattr(config, "label_smoothing", None) or 0.0
    if not 0 <= smoothing < 0.5:
        raise UserError(
            "trainer.args.label_smoothing: the share of pairs taken to be the wrong way round, "
            f"from 0 to below 0.5; from there on the rejected side is taught (it is {smoothing:g})"
        )


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def lora_config(args: dict[str, Any] | None) -> Any:
    """A peft.LoraConfig, or None. Raises UserError for what peft, or vLLM afterwards, refuses."""
    if args is None:
        return None
    from peft import LoraConfig

    args = _checked("trainer.lora", args, LoraConfig)
    for name, (taken, instead) in NOT_SAMPLED.items():
        if args.get(name) not in taken:
            raise UserError(f"trainer.lora.{name}: the policy could not be sampled: {instead}")
    try:
        config = LoraConfig(**{"task_type": "CAUSAL_LM", **args})
    except Exception as error:  # peft's own, or of a package that an argument needs
        raise UserError(f"trainer.lora: {first_line(error)}") from error
    for name, rank in (("r", config.r), *(config.rank_pattern or {}).items()):
        if rank > MAX_RANK:
            where = "r" if name == "r" else f"rank_pattern.{name}"
            raise UserError(
                f"trainer.lora.{where}: vLLM loads no adapter of a rank above {MAX_RANK} "
                f"(it is {rank})"
            )
    return config


def first_line(error: BaseException) -> str:
    """What an error says, in one line; its type where it says nothing or only a name."""
    said = " ".join(str(error).split())
    plain = isinstance(error, UserError | ValueError | RuntimeError | ImportError) and said
    return said if plain else f"{type(error).__name__}: {said}".rstrip(": ")


def _checked(where: str, args: dict[str, Any], known: type) -> dict[str, Any]:
    """The arguments, numbers that are written as texts as numbers.

    Raises UserError for a name that the dataclass does not have, for another type where it wants a
    number or a truth value, and for a value that is none of its choices: a dataclass itself takes
    anything.
    """
    library = "peft" if where == "trainer.lora" else f"TRL's {known.__name__}"
    fields = {field.name: field for field in dataclasses.fields(known)}
    types = typing.get_type_hints(known)
    for name, value in args.items():
        if name not in fields:
            hint = did_you_mean(name, fields)
            raise UserError(
                f"{where}.{name}: {library} knows no such argument" + (f"; {hint}" if hint else "")
            )
        choices = fields[name].metadata.get("choices")
        if choices and isinstance(value, str) and value not in choices:
            raise UserError(
                f"{where}.{name}: {library} takes {', '.join(choices)} (it is {value!r})"
            )
    return {
        name: value
        # a text or no more than that it is wanted, as of `fsdp`
        if value is True and fields[name].metadata.get("const") is True
        else _of_type(f"{where}.{name}", value, types[name])
        for name, value in args.items()
    }


def _of_type(where: str, value: Any, hint: Any) -> Any:
    if typing.get_origin(hint) in (list, dict):  # a text stands for a list of one
        return value
    wanted = set(typing.get_args(hint) or (hint,))
    if value is None and type(None) in wanted:
        return value
    wanted.discard(type(None))
    if wanted <= {int, float} and not isinstance(value, int | float):
        try:
            number = float(value)
            return int(number) if wanted == {int} else number
        except (TypeError, ValueError, OverflowError):
            raise UserError(f"{where}: expected a number (it is {value!r})") from None
    if wanted == {str} and not isinstance(value, str):
        raise UserError(f"{where}: expected one text (it is {value!r})")
    if wanted == {bool} and not isinstance(value, bool):
        raise UserError(f"{where}: expected true or false (it is {value!r})")
    return value
