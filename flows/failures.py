"""Whether a stage that failed may get further if nothing is changed."""

import re
from typing import Any

from endpoints.children import ChildFailed, ChildKilled
from rounds.errors import Stopped, WorkFailed

_last: dict[Any, str] = {}
"""What each run of a stage ended with when it was tried last."""


def may_pass(failure: WorkFailed, run: Any) -> bool:
    """Whether it is worth another try of `run`: no for what was stopped on purpose, yes for what
    came from outside (a lost endpoint, a killed child), once for an error of a child's own.

    An error that a child came to twice says so in what it tells to do.
    """
    if isinstance(failure, Stopped):
        return False
    if not isinstance(failure, ChildFailed) or isinstance(failure, ChildKilled):
        return True
    said = re.sub(r"\d+", "", str(failure).splitlines()[-1])
    if _last.get(run) != said:
        _last[run] = said
        return True
    failure.then = f"it failed the same way twice: {failure.then}"
    return False
