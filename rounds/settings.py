"""The base of every section of the config."""

from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A typed part of the config tree: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


PREFIX = "prefloop:"


def locate(reference: str) -> Path:
    """The path a config value means: a shipped file, or a path from the current folder."""
    if not reference.startswith(PREFIX):
        return Path(reference).expanduser()
    package, _, rest = reference.removeprefix(PREFIX).partition("/")
    if not package:
        raise ValueError(f"{reference}: names no shipped file, as prefloop:starter/policy does")
    return Path(str(files(package))) / rest
