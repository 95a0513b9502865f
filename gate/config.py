"""The `gate` section: what a new policy must show to take over."""

from typing import Literal

from pydantic import Field, field_validator

from rounds.settings import Section

TAKEN_NAMES = set(
    "round judge judge_id gate_judge_id counts prompts length_difference partial train decision "
    "gate test alarms promoted reasons usage seconds".split()
)
"""What metrics.json says of a round: a report names its lines by it, and by the user's metrics."""


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

    @field_validator("metrics")
    @classmethod
    def _free_names(cls, metrics: dict[str, str]) -> dict[str, str]:
        taken = sorted(metrics.keys() & TAKEN_NAMES)
        if taken:
            raise ValueError(f"{taken[0]} is a name that metrics.json has already")
        return metrics
