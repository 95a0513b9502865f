"""`trainer.method: openai`: training where the policy is served, and what can be said of it."""

from typing import Any

from pydantic import Field, model_validator

from rounds.errors import did_you_mean
from rounds.settings import Section

SUPERVISED = ("n_epochs", "batch_size", "learning_rate_multiplier")
DPO = (*SUPERVISED, "beta")
"""Hyperparameters of OpenAI's fine-tuning jobs, by their own names."""
WHOLE = ("n_epochs", "batch_size")
LEAST_PAIRS = 10
"""The fewest examples that OpenAI takes for a fine-tuning job."""


class OpenAITuning(Section):
    """A policy that is trained where it is served, by fine-tuning jobs."""

    supervised_first: bool = False
    """Whether a supervised job on the chosen answers comes before the one by DPO, as OpenAI's guide
    advises, while the run's first policy is in place; later policies have been through it."""
    supervised_args: dict[str, Any] = Field(default_factory=dict)
    """n_epochs, batch_size and learning_rate_multiplier of the supervised job; null is auto."""
    price: float | None = Field(None, ge=0, allow_inf_nan=False)
    """What a million trained tokens cost, in your currency."""
    max_cost: float | None = Field(None, gt=0, allow_inf_nan=False)
    """No job is created in a round whose estimated cost is above it. Needs `price`."""
    attempts: int = Field(1, ge=1)
    """How many jobs may be begun for the same pairs. After one that failed or was cancelled the
    round stops, and goes on with another job only where the number allows one."""

    @model_validator(mode="after")
    def _fits(self) -> "OpenAITuning":
        check_hyperparameters("supervised_args", self.supervised_args, SUPERVISED)
        if self.supervised_args and not self.supervised_first:
            raise ValueError("supervised_args: goes with supervised_first: true")
        if self.max_cost is not None and not self.price:
            raise ValueError("max_cost: needs price, what a million trained tokens cost")
        return self


def check_hyperparameters(where: str, given: dict[str, Any], known: tuple[str, ...]) -> None:
    """Raise ValueError for a name that a fine-tuning job does not take, or a value that is no
    number."""
    for name, value in given.items():
        if name not in known:
            hint = did_you_mean(name, known)
            raise ValueError(
                f"{where}.{name}: OpenAI's fine-tuning takes {', '.join(known)}"
                + (f"; {hint}" if hint else "")
            )
        if value is None or value == "auto":
            continue
        whole = name in WHOLE
        kind = int if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kind) or value <= 0:
            what = "a whole number" if whole else "a number"
            raise ValueError(f"{where}.{name}: is {value!r}; expected {what} above 0, or auto")


def hyperparameters(given: dict[str, Any]) -> dict[str, Any]:
    """The hyperparameters that are set; a null one is left to the endpoint."""
    return {name: value for name, value in given.items() if value is not None}
