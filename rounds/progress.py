"""How a stage says how far it is."""

from typing import Protocol


class Progress(Protocol):
    """Called by a stage as work is done; the caller decides how it is shown."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """`done` of `total` units of the stage are finished."""


def silent(done: int, total: int, note: str = "") -> None:
    """A progress that shows nothing."""
