"""`trainer.accelerate` as the command line of `accelerate launch`, without importing accelerate."""

from functools import cache
from typing import Any

from endpoints.source_names import declared_flags
from rounds.errors import UserError, did_you_mean


def accelerate_flags(arguments: dict[str, Any]) -> list[str]:
    """`{"multi_gpu": True, "num_processes": 2}` to `--multi_gpu --num_processes 2`.

    Some of accelerate's truth values are switches; others, most of FSDP's, are words after a flag.
    """
    result: list[str] = []
    for name, value in arguments.items():
        if isinstance(value, bool) and _known().get(name, True):
            result += [f"--{name}"] * value
        elif value is not None:
            every = value if isinstance(value, list) else [value]
            words = [str(one).lower() if isinstance(one, bool) else str(one) for one in every]
            result += [f"--{name}", *words]
    return result


def check_flags(arguments: dict[str, Any]) -> None:
    """Raise UserError for a name that `accelerate launch` does not have. Where a version of it
    declares them elsewhere nothing is checked: the launch says so itself.
    """
    for name in arguments if _known() else ():
        if name not in _known():
            hint = did_you_mean(name, _known())
            said = f"trainer.accelerate.{name}: accelerate launch knows no such argument"
            raise UserError(f"{said}; {hint}" if hint else said)


@cache
def _known() -> dict[str, bool]:
    return declared_flags("accelerate", "commands/launch.py")
