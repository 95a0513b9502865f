"""The `gate` section: what a new policy must show to take over."""

from typing import Literal

from pydantic import Field

from rounds.section import Section


class GateConfig(Section):
    """The decision, made on the gate split; the test split is reported and decides nothing."""

    threshold: float = Field(0.5, ge=0, lt=1)
    """Win rate against the policy in place that must be exceeded, abstentions counted as losses."""
    must_exceed: Literal["low", "value"] = "low"
    """What must exceed it: the lower end of the interval, or the point estimate."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Level of every interval, two-sided."""
    metrics: dict[str, str] = Field(default_factory=dict)
    """Named metrics, `module:function`; the function takes (messages, answer) and returns a
    number, higher is better. Reported beside the judge; they decide nothing."""
