"""How a stage that was done elsewhere ended, as its round finds it in the round's folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from endpoints.children import ChildFailed, ChildKilled
from rounds.ending import ended_by
from rounds.errors import Stopped, UserError, WorkFailed
from rounds.files import read_json_if_whole, write_json

KINDS: dict[str, type[Exception]] = {
    kind.__name__: kind for kind in (ChildKilled, ChildFailed, Stopped, WorkFailed, UserError)
}
"""The errors that a stage raises here as it did there, the nearest of what it raised."""


class Returned(TypedDict):
    """`lease` is the claim that was lent for the stage, `error` null where it was done; the others
    are those of `rounds.errors.WorkFailed`.
    """

    lease: str
    error: str | None
    message: str
    then: str
    own: bool
    twice: bool


@contextmanager
def returning(folder: Path, lease: str) -> Iterator[None]:
    """Return how the block ends, unless the process is killed or the lease is lost."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        _write(folder, lease, error)
        raise
    _write(folder, lease, None)


def _write(folder: Path, lease: str, error: BaseException | None) -> None:
    names = [kind.__name__ for kind in type(error).__mro__] if error else []
    kind = next((name for name in names if name in KINDS), "" if error else None)
    message = str(error) if kind else f"{type(error).__name__}: {error}"
    if isinstance(error, KeyboardInterrupt):
        kind, message = "Stopped", f"stopped by {ended_by()}"
    returned: Returned = {
        "lease": lease,
        "error": kind,
        "message": message,
        "then": getattr(error, "then", WorkFailed.then),
        "own": getattr(error, "own", False),
        "twice": getattr(error, "twice", False),
    }
    write_json(_path(folder), returned)


def read_returned(folder: Path, lease: str) -> Returned | None:
    """How the stage that this claim was lent for ended; None while it has not."""
    os.listdir(_path(folder).parent)  # has an NFS client ask which files are there
    returned: Returned | None = read_json_if_whole(_path(folder))
    return returned if returned and returned["lease"] == lease else None


def raise_returned(returned: Returned) -> None:
    """Raise what the stage raised there, if it did."""
    if returned["error"] is None:
        return
    kind = KINDS.get(returned["error"], RuntimeError)
    error = kind(returned["message"])
    if isinstance(error, WorkFailed):
        error.then, error.own, error.twice = returned["then"], returned["own"], returned["twice"]
    raise error


def _path(folder: Path) -> Path:
    return folder / "work" / "returned.json"
