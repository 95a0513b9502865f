"""The arguments of a training by name alone, without importing TRL: before a plan, in milliseconds.

trainer.arguments judges their values as well, in a process that has TRL.
"""

from typing import Any

from endpoints.source_names import declared_fields
from rounds.errors import UserError, did_you_mean
from trainer.accelerate_flags import check_flags
from trainer.config import TrainerConfig
from trainer.methods import CONFIGS, config_class
from trainer.sharding_names import check_sharding
from trainer.variants import settings_of

LORA = {
    "tuners/lora/config.py": ("LoraConfig",),
    "config.py": ("PeftConfigMixin", "PeftConfig"),
}

COUNTS = {
    *("per_device_train_batch_size", "gradient_accumulation_steps", "num_train_epochs"),
    *("max_steps", "save_steps", "save_total_limit"),
}
"""Arguments that a plan counts with, in every method."""


def check_argument_names(config: TrainerConfig) -> None:
    """Raise UserError for a name that the method's TRL config, or peft's LoraConfig, does not have,
    and for a launch that would start other processes than it says, or shards what it cannot.

    Where a version of them declares them elsewhere nothing is checked: the training says so itself.
    """
    if config.method in CONFIGS:
        name = config_class(config.method)
        own = [
            declared_fields("trl", CONFIGS[config.method], [name]),
            declared_fields("trl", "trainer/base_config.py", ["_BaseConfig"]),
            declared_fields("transformers", "training_args.py", ["TrainingArguments"]),
        ]
        library = f"TRL's {name}" + (f" (of preset: {config.preset})" if config.preset else "")
        _check("trainer.args", config.args, own, library)
        _check_counts("trainer.args", config.args)
        for place, setting in enumerate(settings_of(config.sweep or [])):
            where = "trainer.sweep" if isinstance(config.sweep, dict) else f"trainer.sweep.{place}"
            _check(where, setting, own, library)
            _check_counts(where, setting)
    if config.lora:
        known = [declared_fields("peft", file, classes) for file, classes in LORA.items()]
        _check("trainer.lora", config.lora, known, "peft")
    given = config.accelerate or {}
    check_flags(given)
    check_sharding(config)
    processes = given.get("num_processes", 1)
    if given.get("cpu") and processes != 1 and "mpirun_hostfile" not in given:
        raise UserError(
            f"trainer.accelerate.cpu: with num_processes: {processes} accelerate starts one "
            "process all the same; write accelerate: {multi_gpu: true, num_processes: "
            f"{processes}}} and args: {{use_cpu: true}}, which starts {processes} on the CPU (gloo)"
        )


def number_of(args: dict[str, Any], name: str, default: float) -> float:
    """An argument that counts, which may be written as a text, or else the default."""
    value = args.get(name)
    return default if value is None else float(value)


def _check_counts(where: str, given: dict[str, Any]) -> None:
    for name in COUNTS & given.keys():
        value = given[name]
        try:
            if isinstance(value, bool):
                raise ValueError
            number_of(given, name, 0)
        except (TypeError, ValueError, OverflowError):
            raise UserError(f"{where}.{name}: expected a number (it is {value!r})") from None


def _check(where: str, given: dict[str, Any], fields: list[set[str]], library: str) -> None:
    known = set[str]().union(*fields)
    for name in given if all(fields) else ():
        if name not in known:
            hint = did_you_mean(name, known)
            said = f"{where}.{name}: {library} knows no such argument"
            raise UserError(f"{said}; {hint}" if hint else said)
