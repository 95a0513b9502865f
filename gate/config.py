"""The `gate` section: what a new policy must show to take over."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from rounds.errors import UserError
from rounds.labels import labels_file
from rounds.settings import Section

TAKEN_NAMES = set(
    "round judge judge_id gate_judge_id counts prompts length_difference partial train decision "
    "people gate test answers alarms promoted reasons usage seconds".split()
)
"""What metrics.json says of a round: a report names its lines by it, and by the user's metrics."""


class People(Section):
    """The decision made with people: their labels on some gate prompts, the judge's on all."""

    labels: str
    """NAME of the labels in the run's folder (labels/NAME.jsonl), or a file of labels by its path.
    A round that needs more waits until they are there."""
    min_n: int = Field(50, ge=1)
    """Labels before anything is decided."""
    most: int = Field(200, ge=1)
    """Labels after which the round is decided in any case: refused where it is still not clear."""

    @field_validator("labels")
    @classmethod
    def _name_or_path(cls, labels: str) -> str:
        try:
            labels_file(Path(), labels)
        except UserError as error:
            raise ValueError(str(error)) from None
        return labels

    @model_validator(mode="after")
    def _in_order(self) -> "People":
        if self.most < self.min_n:
            raise ValueError(f"most: {self.most} is less than min_n, {self.min_n}")
        return self


class GateConfig(Section):
    """The decision, made on the gate split; the test split is reported and decides nothing."""

    threshold: float = Field(0.5, ge=0, lt=1)
    """Win rate against the policy in place that must be exceeded, abstentions counted as losses."""
    must_exceed: Literal["low", "value"] = "low"
    """What must exceed it: the lower end of the interval, or the point estimate."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Level of every interval, two-sided."""
    metrics: dict[str, str] = Field(default_factory=dict)
    """Named metrics, `path/to/file.py:function` or `module:function`; the function takes (messages,
    answer) and returns a number, higher is better. Reported beside the judge; they decide
    nothing."""
    people: People | None = None
    """Let the interval of judge and people together decide (prediction-powered inference)."""

    @field_validator("metrics")
    @classmethod
    def _free_names(cls, metrics: dict[str, str]) -> dict[str, str]:
        taken = sorted(metrics.keys() & TAKEN_NAMES)
        if taken:
            raise ValueError(f"{taken[0]} is a name that metrics.json has already")
        return metrics
