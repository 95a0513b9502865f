"""Where preferences that this run did not make come from."""

from typing import Any, Literal

from pydantic import Field, model_validator

from rounds.settings import Section


class Data(Section):
    """Preference data in one of the known shapes; a bare name is its `data`."""

    data: str
    """A JSONL, JSON, CSV, TSV or parquet file, packed or not, a folder that `datasets` loads (an
    export or a run of prefloop is one), or the id of a dataset on the hub."""
    config: str | None = None
    """Which subset of the dataset, where it has several."""
    split: str | None = None
    """Default: `train`, or the only split, or all rounds of a run."""
    limit: int | None = Field(None, ge=1)
    """At most so many preferences, chosen by hash."""
    prefer: Literal["human", "chatgpt"] | None = None
    """HC3 says who wrote an answer and not which is better: whose answers are chosen."""
    skip_malformed: bool = False
    """Leave out rows that cannot be trained on and count them, instead of stopping at the first:
    many public sets have a few."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        if value is None or isinstance(value, int | float | list):
            raise ValueError("expected a file, a folder or the id of a dataset")
        return {"data": value} if isinstance(value, str) else value

    def __str__(self) -> str:
        return self.data
