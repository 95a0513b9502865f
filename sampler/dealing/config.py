"""The `prompts` section: which prompts there are, and how they are dealt to the rounds."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from rounds.rows import HELD_OUT
from rounds.settings import Section
from sampler.dealing.sources.config import Generate, SourceConfig


def _number_or_source(value: Any) -> str:
    return "int" if isinstance(value, (int, float)) or value is None else "one source"


HeldOutSource = Annotated[
    Annotated[int, Tag("int")] | Annotated[SourceConfig, Tag("one source")],
    Discriminator(_number_or_source),
]


class PromptsConfig(Section):
    """Where prompts come from, and how they are dealt to the rounds."""

    train: list[SourceConfig]
    """A path, a source, or a list of sources."""
    gate: HeldOutSource = 200
    """How many prompts to hold out from `train`, or a source of their own."""
    test: HeldOutSource = 200
    """How many prompts to hold out from `train`, or a source of their own."""
    per_round: int = Field(256, ge=1)
    """Train prompts a round takes, shared by the sources' weights; none is ever taken twice."""
    at_end: Literal["stop", "reshuffle", "generate"] = "stop"
    """When every prompt was dealt: stop, deal them again in another order, or let the `generate`
    source fill up the rounds."""
    near_held_out: float = Field(0.8, gt=0, le=1)
    """Share of a gate or test prompt of 17 words or more that a passage of a train prompt may not
    hold, in runs of five letters; 1 leaves out those that hold all of it only."""

    @field_validator("train", mode="before")
    @classmethod
    def _as_list(cls, train: Any) -> Any:
        return train if isinstance(train, list) else [train]

    @field_validator("gate", "test")
    @classmethod
    def _some_or_none(cls, held_out: int | SourceConfig) -> int | SourceConfig:
        if isinstance(held_out, int) and held_out < 0:
            raise ValueError("how many prompts to hold out cannot be negative")
        if isinstance(held_out, SourceConfig) and held_out.generate is not None:
            raise ValueError("generated prompts change with the round, held-out ones must not")
        return held_out

    @model_validator(mode="after")
    def _sources_fit(self) -> "PromptsConfig":
        names = [source.title for source in self.train]
        if not names:
            raise ValueError("train: names no source")
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"train: two sources are called {twice[0]!r}; give one a name")
        generators = [source for source in self.train if source.generate is not None]
        if len(generators) > 1:
            raise ValueError("train: takes one `generate`; give it several recipes")
        if self.at_end == "generate" and not generators:
            raise ValueError("at_end: generate needs a source with `generate` under train")
        if any(source.weight == 0 for source in self.finite):
            raise ValueError("train: a weight of 0 would never be dealt; leave the source out")
        if generators and generators[0].weight == 0 and self.at_end != "generate":
            raise ValueError("train: `generate` of weight 0 needs at_end: generate")
        for split in HELD_OUT:
            if not self.finite and isinstance(getattr(self, split), int) and getattr(self, split):
                raise ValueError(f"{split}: generated prompts cannot be held out; name a file")
        return self

    @property
    def finite(self) -> list[SourceConfig]:
        """The train sources that hold so many prompts and no more."""
        return [source for source in self.train if source.generate is None]

    @property
    def generator(self) -> SourceConfig | None:
        """The train source that writes new prompts."""
        return next((source for source in self.train if source.generate is not None), None)


def generate_section(config: PromptsConfig) -> tuple[str, Generate] | None:
    """The `generate` section under train, after its config key; None without one."""
    for place, source in enumerate(config.train):
        if source.generate is not None:
            return f"prompts.train.{place}.generate", source.generate
    return None
