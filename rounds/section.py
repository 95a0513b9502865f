"""The base of every section of the config."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A typed part of the config tree: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())
