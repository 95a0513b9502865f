"""One source of prompts: a file, a dataset, a template, or an endpoint that writes new ones."""

import json
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from endpoints.config import BudgetConfig
from rounds.settings import Section
from texts.messages import text_fault

KINDS = {
    "file": {"column", "ignore"},
    "dataset": {"config", "split", "column", "ignore"},
    "template": {"over", "sample"},
    "generate": set[str](),
}
"""What a source is, and the keys that only such a source has."""

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _check_texts(section: Section, *names: str) -> None:
    """Raise ValueError for a value with text in it that cannot be written to a table."""
    for name in names:
        text = json.dumps(getattr(section, name), ensure_ascii=False, default=str)
        if fault := text_fault(text):
            raise ValueError(f"{name}: {fault}")


class Generate(Section):
    """Prompts written by a model, round by round, from seed prompts."""

    endpoint: str
    """An entry of `endpoints`."""
    seeds: str
    """A file of prompts, as `file` takes: what new prompts should be like. None is dealt."""
    recipes: dict[str, Weight] = Field(
        default_factory=lambda: {"new": 1.0, "evolve": 1.0}, validate_default=True
    )
    """new (from examples), evolve (a harder or rarer version of one), persona (what someone would
    ask), or files of yours as prompts/recipe_new.txt is; a list, or weights by name."""
    personas: str | list[str] | None = None
    """Descriptions of people for recipes with {persona}: a list, or a file with one a line."""
    channel: Literal["json", "text"] = "json"
    """json: replies are held to a schema. text: they are only asked for in words."""
    sampling: dict[str, Any] = Field(default_factory=dict)
    """Chat-completion arguments over temperature 1 and max_tokens 2048; null leaves one out."""
    budget: BudgetConfig = BudgetConfig()
    """What a round's prompts may take."""

    @field_validator("recipes", mode="before")
    @classmethod
    def _weights(cls, recipes: Any) -> Any:
        listed = isinstance(recipes, list) and all(isinstance(name, str) for name in recipes)
        return dict.fromkeys(recipes, 1.0) if listed else recipes

    @field_validator("recipes")
    @classmethod
    def _some(cls, recipes: dict[str, float]) -> dict[str, float]:
        if not recipes:
            raise ValueError("names no recipe; new, evolve, persona or a file")
        return recipes

    @field_validator("personas", mode="before")
    @classmethod
    def _persons(cls, personas: Any) -> Any:
        listed = personas if isinstance(personas, list) else [personas]
        if personas is not None and not all(isinstance(one, str) and one.strip() for one in listed):
            raise ValueError("expected a list of descriptions, or a file with one a line")
        return personas

    @model_validator(mode="after")
    def _writable(self) -> "Generate":
        _check_texts(self, "personas")
        return self

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments that are sent."""
        merged = {"temperature": 1.0, "max_tokens": 2048, **self.sampling}
        return {name: value for name, value in merged.items() if value is not None}


class SourceConfig(Section):
    """Where prompts come from: exactly one of `file`, `dataset`, `template` and `generate`."""

    name: str | None = None
    """What tables and plan call it; if not given, the name of its file or dataset."""
    weight: float = Field(1.0, ge=0, allow_inf_nan=False)
    """Its part of a round beside the other sources'."""
    file: str | None = None
    """JSONL, a JSON array, parquet, CSV or TSV (tags with ; between them), or .txt with one prompt
    a line; all but parquet packed or not (.gz, .bz2, .xz, .zst)."""
    dataset: str | None = None
    """A Hugging Face dataset, owner/name or a folder."""
    config: str | None = None
    """Configuration of the dataset."""
    split: str | None = None
    """Split of the dataset; train if not given."""
    column: str | None = None
    """Where the prompt stands; `prompt`, or `messages`, if not given."""
    ignore: list[str] = Field(default_factory=list)
    """Columns beside the prompt that are passed over without a word. Of others those that are known
    to be harmless (ids, ratings, models) are told, and what may be part of the question is an
    error."""
    template: str | None = None
    """A Jinja text, or a file with one."""
    over: dict[str, str | list[Any]] = Field(default_factory=dict)
    """The values of each variable: a list, or a file with one a line. All combinations are made."""
    sample: int | None = Field(None, ge=1)
    """So many of the combinations, by hash."""
    generate: Generate | None = None
    system: str | None = None
    """A system turn before every prompt that has none of its own. Another one makes no prompt new:
    what was dealt is not dealt again."""
    tags: list[str] = Field(default_factory=list)
    """Tags of every prompt, beside those that it brings."""

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        over = value.get("over") if isinstance(value, dict) else None
        for name, values in over.items() if isinstance(over, dict) else ():
            if not isinstance(values, (str, list)):
                raise ValueError(
                    f"over.{name}: {values!r} is no list of values, nor a file with one a line"
                )
        return value

    @model_validator(mode="after")
    def _one_kind(self) -> "SourceConfig":
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise ValueError(f"needs exactly one of {', '.join(KINDS)}")
        for kind in KINDS:
            for key in sorted(KINDS[kind] - KINDS[kinds[0]]):
                if getattr(self, key) not in (None, {}, []):
                    raise ValueError(f"{key}: is for a {kind}, and this is a {kinds[0]}")
        if self.template is not None and not self.over:
            raise ValueError("over: names no variable; {topic: [...]} fills {{ topic }}")
        if empty := [name for name, values in self.over.items() if not values]:
            raise ValueError(f"over.{empty[0]}: has no values")
        if any(not tag.strip() or ";" in tag for tag in self.tags):
            raise ValueError("tags: are words, none empty and without ;")
        _check_texts(self, "name", "system", "template", "over", "tags")
        return self

    @property
    def title(self) -> str:
        """What the source is called."""
        if self.name is not None:
            return self.name
        if self.file is not None:
            return self.file.rpartition("/")[2]
        return self.dataset or ("template" if self.template else "generate")
