"""The `prompts` section: what is asked."""

from pydantic import Field, field_validator

from rounds.section import Section


class PromptsConfig(Section):
    """Where prompts come from. Files are JSONL: a string, or {"prompt": ...} with a string or
    chat messages, a line.
    """

    train: str
    gate: str | int = 200
    """A file, or how many prompts to hold out from `train`."""
    test: str | int = 200
    """A file, or how many prompts to hold out from `train`."""
    per_round: int = Field(256, ge=1)
    """Train prompts a round takes; no prompt is ever taken twice."""

    @field_validator("gate", "test")
    @classmethod
    def _some_or_none(cls, held_out: str | int) -> str | int:
        if isinstance(held_out, int) and held_out < 0:
            raise ValueError("how many prompts to hold out cannot be negative")
        return held_out
