"""The `gate` section: what a new policy must show to take over."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from gate.suite_config import YOUNG, Suite
from rounds.early import Early
from rounds.errors import UserError
from rounds.labels import labels_file
from rounds.settings import FOLDER_NAME, Section, as_begun

TAKEN_NAMES = set(
    "round judge judge_id gate_judge_id counts prompts length_difference partial train decision "
    "people gate test answers alarms promoted reasons usage seconds rules suites early".split()
)
"""What metrics.json says of a round: a report names its lines by it, and by the user's metrics."""


class People(Section):
    """The decision made with people: their labels on some gate prompts, the judge's on all."""

    labels: str
    """NAME of the labels in the run's folder (labels/NAME.jsonl), or a file of labels by its path.
    A round that needs more waits until they are there."""
    min_n: int = Field(50, ge=1)
    """Labels before anything is decided. The interval holds for many: where it is decided by fewer
    than 50, a policy no better is promoted more often than `confidence` says."""
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


class Bound(Section):
    """How low a metric may be, by its mean over the new policy's answers to the gate prompts."""

    at_least: float | None = None
    """The least that it may be."""
    drop_at_most: float | None = Field(None, ge=0)
    """How far below that of the policy in place it may be."""

    @model_validator(mode="after")
    def _one_of_them(self) -> "Bound":
        if self.at_least is None and self.drop_at_most is None:
            raise ValueError("at_least or drop_at_most must be given, or both")
        return self


class GateConfig(Section):
    """The decision, made on the gate split; the test split is reported and decides nothing.

    Every rule that is given must hold, and each one that does not is a reason of its own.
    """

    threshold: float = Field(0.5, ge=0, lt=1)
    """Win rate against the policy in place that must be exceeded, abstentions counted as losses."""
    non_inferiority: float | None = Field(None, gt=0, lt=0.5)
    """Promote what is shown to be no worse by more than this: 0.5 less this must be exceeded, in
    the place of `threshold`."""
    must_exceed: Literal["low", "value"] = "low"
    """What must exceed it: the lower end of the interval, or the point estimate."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Level of every interval, two-sided."""
    length_controlled: bool = False
    """Whether the win rate at equal length must exceed it as well, in the same way."""
    tags_at_least: float | None = Field(None, gt=0, lt=1)
    """Refuse where the win rate of the prompts with some tag is shown to be less, by an exact test
    of each tag, corrected for their number after Holm."""
    kl_at_most: float | None = Field(None, gt=0)
    """Refuse a policy that has moved further from the reference model, in nats a token."""
    metrics: dict[str, str] = Field(default_factory=dict)
    """Named metrics, `path/to/file.py:function` or `module:function`; the function takes (messages,
    answer) and returns a number, higher is better. Reported beside the judge; they decide nothing
    but where `metric_bounds` says so."""
    metric_bounds: dict[str, Bound] = Field(default_factory=dict)
    """How low the metrics of these names may be."""
    suites: dict[str, Suite] = Field(default_factory=dict)
    """What a new policy must not have unlearned: prompts of their own, answered by both policies
    and scored, by name."""
    sequential: bool = False
    """Ask about the gate prompts in an order that the seed fixes, and stop as soon as it is decided
    by a confidence sequence, which holds however often one looks."""
    max_prompts: int | None = Field(None, ge=1)
    """Gate prompts that `sequential` asks about at most; null for all."""
    stop_after: int | None = Field(None, ge=1)
    """Rounds refused in a row, by one config, after which no further one is begun."""
    people: People | None = None
    """Let the interval of judge and people together decide (prediction-powered inference)."""

    @property
    def bar(self) -> float:
        """The win rate that must be exceeded."""
        return self.threshold if self.non_inferiority is None else 0.5 - self.non_inferiority

    def early(self, seed: int) -> Early | None:
        """When the gate stops asking; None where it asks about all prompts."""
        if not self.sequential:
            return None
        return Early(seed, self.bar, self.confidence, self.max_prompts)

    def decides_by(self) -> dict[str, Any]:
        """What a decision follows from: keys of the earliest gate, and of later ones what is set.

        So a round that an earlier version began keeps its key.
        """
        first = ("threshold", "must_exceed", "confidence", "metrics")
        dumped = self.model_dump(exclude={"stop_after"})
        dumped["suites"] = {name: as_begun(one, YOUNG) for name, one in dumped["suites"].items()}
        default = GateConfig().model_dump()
        return {
            name: value
            for name, value in dumped.items()
            if name in first or name not in default or value != default[name]
        }

    @field_validator("metrics")
    @classmethod
    def _free_names(cls, metrics: dict[str, str]) -> dict[str, str]:
        taken = sorted(metrics.keys() & TAKEN_NAMES)
        if taken:
            raise ValueError(f"{taken[0]} is a name that metrics.json has already")
        return metrics

    @field_validator("suites")
    @classmethod
    def _file_names(cls, suites: dict[str, Suite]) -> dict[str, Suite]:
        for name in suites:
            if not FOLDER_NAME.fullmatch(name):
                raise ValueError(
                    f"{name!r} is no name for a suite; letters, digits, '.', '_' and '-'"
                )
        return suites

    @model_validator(mode="after")
    def _rules_fit(self) -> "GateConfig":
        if self.non_inferiority is not None and self.threshold != 0.5:
            raise ValueError("non_inferiority: takes the place of threshold; leave one of them out")
        if self.non_inferiority is not None and self.people is not None:
            raise ValueError(
                "non_inferiority: does not go with people; set threshold to 0.5 less the margin"
            )
        for name in self.metric_bounds:
            if name not in self.metrics:
                known = ", ".join(sorted(self.metrics)) or "none is defined"
                raise ValueError(f"metric_bounds: no metric {name!r} under metrics ({known})")
        if self.max_prompts is not None and not self.sequential:
            raise ValueError("max_prompts: is for sequential: true; prompts.gate says how many")
        if self.sequential:
            for name, why in (
                ("people", "people answer in an order of their own"),
                ("length_controlled", "it needs the verdicts on all prompts"),
                ("tags_at_least", "it needs the verdicts on all prompts"),
            ):
                if getattr(self, name):
                    raise ValueError(f"sequential: does not go with {name}: {why}")
            if self.must_exceed == "value":
                raise ValueError(
                    "sequential: does not go with must_exceed: value, which is no test"
                )
        return self
