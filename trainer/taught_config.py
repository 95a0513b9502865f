"""What a training is taught beside the round's pairs, and how much each teaches."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from preferences.config import Data
from rounds.settings import Section

ROUNDS = "rounds"
"""Value of `replay.data` that stands for the pairs of the earlier rounds."""


class Replay(Section):
    """Pairs trained on once more, or that another made, beside the round's own."""

    share: float = Field(gt=0, lt=1)
    """Share of the pairs trained on that are replayed; fewer where there are not so many."""
    data: list[Data] = Field([Data(data=ROUNDS)], min_length=1)
    """`rounds` for the pairs of the earlier rounds, preference data of any known shape, or a list;
    several take turns. Which ones is by hash, and others in each round."""
    last: int | None = Field(None, ge=1)
    """The pairs of the last so many rounds alone are replayed; null is all of them (SPIN takes the
    last two, arXiv 2401.01335)."""

    @field_validator("data", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        return value if isinstance(value, list) else [value]

    @model_validator(mode="after")
    def _rounds_alone(self) -> "Replay":
        for source in self.data:
            if source.data == ROUNDS and source != Data(data=ROUNDS):
                raise ValueError(f"data: {ROUNDS} takes no other key")
        if self.last is not None and all(source.data != ROUNDS for source in self.data):
            raise ValueError(f"last: is for {ROUNDS}, and data names other sources alone")
        return self


class Weights(Section):
    """How much each pair teaches: factors on the pairs' losses, whose mean in a round is 1."""

    by: Literal["probability"] | None = None
    """`probability`: 2 p - 1, for the averaged probability p of the chosen answer: a pair that the
    judge was hardly sure of teaches little. A pair without one counts as the mean of the others."""
    sources: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(
        default_factory=dict
    )
    """Factors by source: `pairs` (the round's own), `warm_start`, `replay`, and titles of sources
    under prompts.train; one that is not named has 1."""

    @model_validator(mode="after")
    def _weighs(self) -> "Weights":
        if self.by is None and not self.sources:
            raise ValueError("needs by or sources; leave weights out for pairs that count alike")
        return self


class ScoreLines(Section):
    """Which single answers KTO learns from, by the score of the judge's screen."""

    above: float
    """Answers of this score or more are desirable."""
    below: float
    """Answers of this score or less are not; those between are not trained on."""

    @model_validator(mode="after")
    def _apart(self) -> "ScoreLines":
        if self.above <= self.below:
            raise ValueError(f"above: {self.above:g} must exceed below: {self.below:g}")
        return self

    def label(self, score: float) -> bool | None:
        """Whether an answer of this score is desirable; None between the lines."""
        return True if score >= self.above else False if score <= self.below else None
