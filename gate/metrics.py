"""Metrics the user names: `module:function` to a number for each answer."""

import math
from collections.abc import Callable

from rounds.errors import UserError
from rounds.functions import load_function

Metric = Callable[[list[dict[str, str]], str], float]


def load_metric(name: str, reference: str) -> Metric:
    """The function behind `module:function`; the current folder is searched as well.

    Raises UserError where there is no such module or function.
    """
    found = load_function(f"gate.metrics.{name}", reference)

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
