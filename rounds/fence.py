"""The fence: a process whose lease of a run is no longer the newest writes nothing into it.

A process knows its leases by itself, a child of one by its environment, and one that a stage was
sent to by what it was lent (`rounds.lent`). Looking and writing are two
steps, between which a process may be stopped for hours. So a new owner removes what is half written
(`rounds.takeover`): the rename that was to follow then finds nothing to rename.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from rounds.claims import FOLDER, claim_path, holds, newest, numbers_in, read_claim
from rounds.errors import LeaseLost

ENVIRONMENT = "PREFLOOP_LEASE"
"""Of a child: the claim under which its parent works. Its supervisor ends it when that is over."""


def _of_parent() -> dict[Path, tuple[int, int]]:
    claim = Path(os.environ.get(ENVIRONMENT, ""))
    return {claim.parent.parent: numbers_in(claim.name)} if claim.parent.name == FOLDER else {}


_held: dict[Path, tuple[int, int]] = _of_parent()


@contextmanager
def fenced(run_dir: Path, token: int, lent: int = 0) -> Iterator[None]:
    """What the block writes below a run folder is written under this lease."""
    before = _held.get(run_dir)
    _held[run_dir] = token, lent
    try:
        yield
    finally:
        del _held[run_dir]
        if before is not None:
            _held[run_dir] = before


def token_of(path: Path) -> str | None:
    """The token under which this process works on the run that `path` lies in, if it does: "7", and
    "7-2" where it was lent.
    """
    run_dir = _run_of(path)
    if run_dir is None:
        return None
    token, lent = _held[run_dir]
    return f"{token}-{lent}" if lent else str(token)


def check_fence(path: Path) -> None:
    """Raise LeaseLost where `path` lies in a run that another has taken over."""
    fence_around(path)()


def fence_around(path: Path) -> Callable[[], None]:
    """`check_fence` of a path, for who writes there often."""
    run_dir = _run_of(path)
    return _open if run_dir is None else _guard(run_dir, *_held[run_dir])


def _open() -> None:
    pass


@cache
def _guard(run_dir: Path, token: int, lent: int) -> Callable[[], None]:
    claim = claim_path(run_dir, token, lent)
    folder, alone = str(claim.parent), [claim.name]

    def check() -> None:
        try:
            if os.listdir(folder) == alone and not lent:  # as it is until another comes
                return
        except FileNotFoundError:
            pass
        if not holds(run_dir, token, lent):
            raise lease_lost(run_dir, token if lent else 0)

    return check


def lease_lost(run_dir: Path, lent_under: int = 0) -> LeaseLost:
    """The error that says by whom; `lent_under` is the token under which a lent claim was good."""
    now = newest(run_dir)
    if now and now == lent_under:
        return LeaseLost(
            f"{run_dir}: what this process worked under was taken back: the flow run that sent it "
            "a stage has ended, or has sent the stage again; it writes nothing any more"
        )
    if not now:
        return LeaseLost(f"{run_dir}: its lease ({FOLDER}) was removed while this process worked")
    return LeaseLost(
        f"{run_dir}: process {read_claim(run_dir, now).who} has taken this run over, since this "
        "process gave no sign of life for too long; it writes nothing any more"
    )


def environment() -> dict[str, str]:
    """What a child is told, so that it is fenced as this process is."""
    claims = [str(claim_path(run_dir, *numbers)) for run_dir, numbers in _held.items()]
    return {ENVIRONMENT: claims[-1]} if claims else {}


def _run_of(path: Path) -> Path | None:
    if not _held:
        return None
    real = Path(os.path.realpath(path.parent)) / path.name
    return next((run_dir for run_dir in _held if real.is_relative_to(run_dir)), None)
