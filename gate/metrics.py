"""Metrics the user names: `module:function` to a number for each answer."""

import importlib
import math
import os
import sys
from collections.abc import Callable

from rounds.errors import UserError

Metric = Callable[[list[dict[str, str]], str], float]


def load_metric(name: str, reference: str) -> Metric:
    """The function behind `module:function`; the current folder is searched as well.

    Raises UserError where there is no such module or function.
    """
    module, _, function = reference.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        found = getattr(importlib.import_module(module), function)
    except Exception as error:  # whatever the user's module raises as it is imported
        raise UserError(
            f"gate.metrics.{name}: cannot load {reference} ({error}); expected module:function"
        ) from error
    if not callable(found):
        raise UserError(f"gate.metrics.{name}: {reference} is not a function")

    def metric(messages: list[dict[str, str]], answer: str) -> float:
        try:
            value = found(messages, answer)
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
            raise UserError(f"gate.metrics.{name}: {reference} failed ({fault})") from error
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise UserError(f"gate.metrics.{name}: {reference} gave {value!r}, not a number")
        return float(value)

    return metric
