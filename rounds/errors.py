"""The errors a user is meant to read."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something the user can put right: the message says where, what, and what would be right.

    The command line prints it alone and exits with 2; nothing has been spent when it is raised.
    """


class WorkFailed(RuntimeError):
    """A child process or an endpoint failed under way. What was done stays done.

    The command line prints it alone and exits with 1. `then` is what continues the work.
    """

    then = "run the same command again"


class Stopped(WorkFailed):
    """The round was stopped on purpose; trying again without a change would stop it again."""

    then = "change the config"


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """ "did you mean NAME?" with the known name that is nearest; empty where none is near."""
    near = get_close_matches(str(name), list(known), n=1)
    return f"did you mean {near[0]}?" if near else ""
