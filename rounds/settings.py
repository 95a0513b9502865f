"""What the sections of the config share: their base, and what a path in one means."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

SHIPPED = "prefloop:"
"""Begins a reference to a file that prefloop ships, as prefloop:starter/policy does."""

PACKAGES = Path(__file__).resolve().parent.parent
"""The folder that holds prefloop's packages."""


class Section(BaseModel):
    """A typed part of the config tree: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def locate(reference: str) -> Path:
    """The path a config value means: a shipped file, or a path from the current folder.

    Raises ValueError for a reference to a shipped file that names none.
    """
    if not reference.startswith(SHIPPED):
        return Path(reference).expanduser()
    package, _, rest = reference.removeprefix(SHIPPED).partition("/")
    if not package:
        raise ValueError(f"{reference}: names no shipped file, as prefloop:starter/policy does")
    return PACKAGES / package / rest
