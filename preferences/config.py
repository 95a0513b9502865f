"""Where preferences that this run did not make come from."""

from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from rounds.settings import Section

LATER = ("columns", "ignore")


class Data(Section):
    """Preference data in one of the known shapes; a bare name is its `data`."""

    data: str
    """A JSONL, JSON, CSV, TSV or parquet file, all but parquet packed or not, a folder that
    `datasets` loads (an export or a run of prefloop is one), or the id of a dataset on the hub."""
    config: str | None = None
    """Which subset of the dataset, where it has several."""
    split: str | None = None
    """Default: `train`, or the only split, or all rounds of a run."""
    limit: int | None = Field(None, ge=1)
    """At most so many preferences, chosen by hash."""
    prefer: Literal["human", "chatgpt"] | None = None
    """HC3 says who wrote an answer and not which is better: whose answers are chosen."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Names of a shape and those that the data has for them: `{prompt: question_text}`."""
    ignore: list[str] = Field(default_factory=list)
    """Columns that are no part of what was asked and are passed over. Those that are known to be
    harmless (ids, ratings, models, further answers) need not be listed."""
    skip_malformed: bool = False
    """Leave out rows that cannot be trained on and count them, instead of stopping at the first:
    many public sets have a few."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        if value is None or isinstance(value, int | float | list):
            raise ValueError("expected a file, a folder or the id of a dataset")
        return {"data": value} if isinstance(value, str) else value

    @model_serializer(mode="wrap")
    def _as_it_was(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the keys that came later and say nothing: a stage's key is as it was."""
        written = write(self)
        return {name: value for name, value in written.items() if value or name not in LATER}

    def __str__(self) -> str:
        return self.data

    def renamed(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row without the columns to ignore, and with the names of a shape.

        Raises ValueError where such a name is there already.
        """
        if not self.ignore and not self.columns:
            return row
        theirs = {their: our for our, their in self.columns.items()}
        kept = {
            theirs.get(name, name): value for name, value in row.items() if name not in self.ignore
        }
        for our, their in self.columns.items():
            if our != their and our in row and our not in (*self.ignore, *theirs):
                raise ValueError(
                    f"{our} is there beside {their}; if it is no prompt, ignore: [{our}]"
                )
        return kept
