"""The `pairs` section: which confirmed comparisons become pairs."""

from pydantic import Field

from rounds.section import Section


class PairsConfig(Section):
    """What is kept."""

    min_margin: float = Field(0.0, ge=0)
    """Smallest difference of the screen's scores."""
