"""What a check of a finished round looked at, and the first rows that it found wrong."""

from collections.abc import Callable
from typing import Any, NamedTuple

from rounds.errors import UserError

OK, NOT_COVERED, FAILED = "ok", "not covered", "FAILED"

FAULTS_KEPT = 5
"""Faults that a check names; of the others it keeps the number."""


class Fault(NamedTuple):
    """Something wrong: the table or file, the id of the row (None for a file), and what it is."""

    table: str
    row: str | None
    what: str


class Looked:
    """What one check has looked at so far. It goes on after a fault."""

    def __init__(self) -> None:
        self.n = 0
        self.n_faults = 0
        self.faults: list[Fault] = []
        self.not_covered: list[str] = []

    def fault(self, table: str, row: str | None, what: str) -> None:
        """Note something wrong."""
        self.n_faults += 1
        if len(self.faults) < FAULTS_KEPT:
            self.faults.append(Fault(table, row, what))

    def must(self, holds: bool, table: str, row: str | None, what: str) -> None:
        """Count one thing, and note what is wrong with it unless it holds."""
        self.n += 1
        if not holds:
            self.fault(table, row, what)

    def leave_out(self, why: str) -> None:
        """Note what cannot be looked at."""
        if why not in self.not_covered:
            self.not_covered.append(why)


class Check(NamedTuple):
    """The outcome of one check of a round (None: of the run). `n` counts what was looked at."""

    round: int | None
    name: str
    looked_at: str
    n: int
    state: str
    n_faults: int
    faults: list[Fault]
    not_covered: list[str]

    def as_json(self) -> dict[str, Any]:
        """The check as plain values."""
        return self._asdict() | {"faults": [fault._asdict() for fault in self.faults]}


def run_check(
    number: int | None, name: str, looked_at: str, look: Callable[[Looked], object]
) -> Check:
    """Run a check. Whatever it cannot read is a fault of what it looks at, and ends it alone.

    A UserError says that something outside of the run is missing: then it is not covered.
    """
    looked = Looked()
    try:
        look(looked)
    except UserError as error:
        looked.leave_out(_one_line(error))
    except Exception as error:
        looked.fault(looked_at, None, f"cannot be read: {_one_line(error)}")
    passed = OK if looked.n or not looked.not_covered else NOT_COVERED
    state = FAILED if looked.n_faults else passed
    faults = looked.n_faults, looked.faults, looked.not_covered
    return Check(number, name, looked_at, looked.n, state, *faults)


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__} {error}".split())[:300]
