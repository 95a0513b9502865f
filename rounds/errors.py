"""The errors a user is meant to read."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class UserError(Exception):
    """Something the user can put right: the message says where, what, and what would be right.

    The command line prints it alone and exits with 2; nothing has been spent when it is raised.
    """


class WorkFailed(RuntimeError):
    """A child process or an endpoint failed under way. What was done stays done.

    The command line prints it alone and exits with 1. `then` is what continues the work; `own` says
    that it came of the work itself and not from outside, `twice` that the stage ended so before.
    """

    then = "run the same command again"
    own = False
    twice = False


class Stopped(WorkFailed):
    """The round was stopped on purpose; trying again without a change would stop it again.

    `bounds` are what it was held to, where bounds stopped it.
    """

    then = "change the config"

    def __init__(self, message: str, then: str | None = None, bounds: Iterable[Any] = ()) -> None:
        super().__init__(message)
        self.then = then or self.then
        self.bounds = list(bounds)


class Waiting(Stopped):
    """The round cannot go on without people: `missing` says in figures what it waits for.

    The command line prints the message and exits with 3.
    """

    def __init__(self, message: str, then: str, missing: dict[str, Any]) -> None:
        super().__init__(message, then)
        self.missing = missing


class Busy(UserError):
    """Another process works on the run: a schedule that comes by meanwhile has nothing to do."""


class LeaseLost(Stopped):
    """Another process took the run over while this one gave no sign of life; what this one would
    still write is refused.
    """

    then = "wait for that process"


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """ "did you mean NAME?" with the known name that is nearest; empty where none is near."""
    near = get_close_matches(str(name), list(known), n=1)
    return f"did you mean {near[0]}?" if near else ""
