"""What is measured of a trained policy. Its weights are saved: none of it can cost them."""

import traceback
from collections.abc import Callable
from typing import Any

from trainer.arguments import first_line
from trainer.held_out import held_out_figures
from trainer.kl import kl_to_reference
from trainer.methods import Method


def measured(
    trainer: Any, method: Method, load_reference: Callable[[], Any], at_all: bool
) -> dict[str, Any]:
    """What the trainer says of the held-out rows, with their n and, where the method has one, the
    preference accuracy; and KL to the reference. `not_measured` says by name why a figure is None.
    Without `at_all` none is taken: measuring has ended the process before.
    """
    held_out = "held_out" if method.accuracies is None else "held_out_accuracy"
    measures: dict[str, Callable[[], dict[str, Any]]] = {
        held_out: lambda: held_out_figures(trainer, method),
        "kl_per_token": lambda: {"kl_per_token": kl_to_reference(trainer, method, load_reference)},
    }
    figures: dict[str, Any] = dict.fromkeys(measures) | {"held_out_n": 0}
    reasons: dict[str, str] = {}
    for name, measure in measures.items():
        if not at_all:
            reasons[name] = "the process ended each time it was measured"
            continue
        try:
            figures |= measure()
        except Exception as error:
            traceback.print_exc()  # to the log
            reasons[name] = first_line(error)
    return figures | {"not_measured": reasons}
