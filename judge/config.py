"""The `judge` section: who judges, by which rubric, and which candidates are compared."""

from typing import Any, Literal

from pydantic import Field, model_validator

from rounds.section import Section


class Rubrics(Section):
    """Template files (system message, a line of ===, user message)."""

    pointwise: str = "prefloop:prompts/pointwise.txt"
    """Scores one answer; placeholders {prompt} {answer}."""
    pairwise: str = "prefloop:prompts/pairwise.txt"
    """Compares two answers; placeholders {prompt} {a} {b}."""


class JudgeConfig(Section):
    """A judge and how it is asked."""

    endpoint: str
    """Name of an entry of `endpoints`."""
    strategy: Literal["screen_confirm"] = "screen_confirm"
    """Score every candidate alone, then compare the best and the worst in both orders."""
    rubrics: Rubrics = Rubrics()
    scale: tuple[int, int] = (1, 10)
    """Lowest and highest score of the pointwise rubric."""
    sampling: dict[str, Any] = Field(
        default_factory=lambda: {"temperature": 0.0, "max_tokens": 512}
    )
    """Chat-completion arguments of every call."""

    @model_validator(mode="after")
    def _scale_ascends(self) -> "JudgeConfig":
        if self.scale[0] >= self.scale[1]:
            raise ValueError(f"scale: {list(self.scale)} has no room between lowest and highest")
        return self
