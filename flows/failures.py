"""Whether a stage that failed may get further if nothing is changed, and how Prefect retries it;
what a stage that waits for people is to Prefect."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from prefect import State
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import CancelledRun
from prefect.states import Cancelled, Completed

from endpoints.children import ChildFailed, ChildKilled
from flows.flow_runs import deployed
from flows.session import current
from rounds.ending import as_by_hand, ended_by
from rounds.errors import Stopped, Waiting, WorkFailed

Given = ParamSpec("Given")
Result = TypeVar("Result")


def may_pass(failure: WorkFailed) -> bool:
    """Whether it is worth another try: no for what was stopped on purpose, yes for what came from
    outside (a lost endpoint, a killed child), once for what a child came to by itself.
    """
    if isinstance(failure, Stopped):
        return False
    return not failure.own or isinstance(failure, ChildKilled) or not failure.twice


def asks_again(task: object, run: object, state: Any) -> bool:
    """Whether a failed stage is tried again; says so, for the wait is silent otherwise."""
    failure = state.result(raise_on_failure=False)
    again = isinstance(failure, WorkFailed) and may_pass(failure)
    if again:
        current().display.warn(f"{failure}; asking again")
    return again


def was_ended(task: object, run: object, state: Any) -> bool:
    """The same for a stage whose child is worth a second start only where another ended it."""
    failure = state.result(raise_on_failure=False)
    own = isinstance(failure, ChildFailed) and not isinstance(failure, ChildKilled)
    return not own and asks_again(task, run, state)


def may_wait(work: Callable[Given, Result]) -> Callable[Given, Result | State[Any]]:
    """Let a task that has to wait for people end well, in a state named Waiting: a schedule that
    comes by before they are done has not failed.
    """

    @wraps(work)
    def waited(*args: Given.args, **kwargs: Given.kwargs) -> Result | State[Any]:
        try:
            return work(*args, **kwargs)
        except Waiting as waiting:
            return waits(str(waiting))

    return waited


def may_be_stopped(work: Callable[Given, Result]) -> Callable[Given, Result | State[Any]]:
    """Let a flow that is ended by Ctrl-C or SIGTERM be cancelled to Prefect, not crashed. A caller
    gets the state, or CancelledRun (see `still_stopped`).
    """

    @wraps(work)
    def stopped(*args: Given.args, **kwargs: Given.kwargs) -> Result | State[Any]:
        try:  # of what a deployment started Prefect's runner is the one to end it
            with nullcontext() if deployed() else as_by_hand():  # Prefect has its own handler here
                return still_stopped(lambda: work(*args, **kwargs))
        except KeyboardInterrupt:
            return Cancelled(message=f"stopped by {ended_by()}")

    return stopped


def still_stopped(work: Callable[[], Result]) -> Result:
    """What `work` returns; raises KeyboardInterrupt again where that is what it was ended by."""
    try:
        result = work()
    except CancelledRun:
        raise KeyboardInterrupt from None
    if isinstance(result, State) and result.is_cancelled():
        raise KeyboardInterrupt
    return result


def waits(message: str | None) -> State[Any]:
    """The state of what waits for people. Each task and flow needs one of its own: that of another
    is to Prefect one of several results, and its name is lost. A caller gets the state, or None.
    """
    return Completed(name="Waiting", message=message)


ASKS = {
    "retries": 2,
    "retry_delay_seconds": [5, 30],
    "retry_condition_fn": asks_again,
    "cache_policy": NO_CACHE,
}
"""For stages that ask an endpoint or sample: what was answered is kept, a retry asks the rest."""
STARTS = {**ASKS, "retry_condition_fn": was_ended}
"""For a training: what it came to by itself it would only come to again, hours later."""
WORKS = {"cache_policy": NO_CACHE}
"""For stages that neither ask nor start anything."""
