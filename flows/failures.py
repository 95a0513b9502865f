"""Whether a stage that failed may get further if nothing is changed."""

from endpoints.children import ChildKilled
from rounds.errors import Stopped, WorkFailed


def may_pass(failure: WorkFailed) -> bool:
    """Whether it is worth another try: no for what was stopped on purpose, yes for what came from
    outside (a lost endpoint, a killed child), once for what a child came to by itself.
    """
    if isinstance(failure, Stopped):
        return False
    return not failure.own or isinstance(failure, ChildKilled) or not failure.twice
