"""Metrics the user names: a function of the user's to a number for each answer."""

from typing import NamedTuple

from rounds.functions import UserFunction, is_number, load_function
from rounds.rows import Messages


class Metric(NamedTuple):
    """A metric of the user's: (messages, answer) to a number, higher is better.

    Calling it raises UserError where the function fails or gives no number.
    """

    function: UserFunction

    def __call__(self, messages: Messages, answer: str) -> float:
        value = self.function(messages, answer)
        if not is_number(value):
            raise self.function.fault(f"gave {value!r}, not a number")
        return float(value)


def load_metric(name: str, reference: str) -> Metric:
    """The metric `gate.metrics.NAME` behind `path/to/file.py:function` or `module:function`.

    Raises UserError where there is no such file, module or function, or one of other arguments.
    """
    function = load_function(f"gate.metrics.{name}", reference)
    return Metric(function.taking("messages", "answer"))
