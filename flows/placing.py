"""A stage done in another work pool: the round's flow run sends it there as a flow run of a
deployment, waits for it, and goes on from what it left in the round's folder.

Prefect places the stage and shows it. Who may write is told by what was lent (`rounds.lent`), and
how the stage ended by the file that it returns: a server that is away for a while loses neither.
"""

import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.states import Cancelled, Cancelling, Crashed

from flows.child_log import ChildLog
from flows.flow_runs import rounds_title
from flows.returned import Returned, raise_returned, read_returned
from flows.session import Session, current
from rounds.errors import Stopped, UserError, WorkFailed
from rounds.fence import check_fence
from rounds.folder import round_number
from rounds.lent import Borrower, lend, take_back

LOOKS = 1.0
"""Seconds between two looks at a stage that is done elsewhere."""
LAST_LOOKS = 3
"""Looks at a stage that has ended before it is believed how: storage may show its last word late,
and Prefect the last lines of its log."""
LATE = 60.0
"""Seconds after which it is said that no worker has taken a stage."""
AWAY = (httpx.HTTPError, PrefectException, OSError)
"""What Prefect's client raises where its server does not answer."""

Given = ParamSpec("Given")
Result = TypeVar("Result")


def on_gpu(
    stage: str, left: Callable[[Session, Path], Any] = lambda run, folder: None
) -> Callable[
    [Callable[Concatenate[Path, Given], Result]], Callable[Concatenate[Path, Given], Result]
]:
    """Have a stage done where the run's GPU stages are sent; here where they are sent nowhere.

    `left` is its result, from what it left in the round's folder.
    """

    def decorate(
        work: Callable[Concatenate[Path, Given], Result],
    ) -> Callable[Concatenate[Path, Given], Result]:
        @wraps(work)
        def placed(folder: Path, /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
            run = current()
            if run.gpu_stages is None:
                return work(folder, *args, **kwargs)
            _send(run, run.gpu_stages, stage, folder)
            result: Result = left(run, folder)
            return result

        return placed

    return decorate


def check_deployment(name: str) -> None:
    """Raise UserError where there is no such deployment to send stages to."""
    try:
        with get_client(sync_client=True) as client:
            client.read_deployment_by_name(name)
    except (ObjectNotFound, ValueError):
        raise UserError(
            f"gpu_stages: there is no deployment {name!r} on this Prefect server; "
            "`prefloop deploy CONFIG --gpu-pool POOL` makes both of them"
        ) from None


def _send(run: Session, deployment: str, stage: str, folder: Path) -> None:
    """Send a stage, and wait until it is done. Raises what it raised there."""
    claim = lend(run.lease)
    try:
        sent = _begin(run, deployment, stage, folder, claim)
        try:
            returned = _wait(run, deployment, stage, folder, claim, sent)
        except BaseException:
            _call_off(sent)
            raise
    finally:
        take_back(run.lease)
    raise_returned(returned)


def _begin(run: Session, deployment: str, stage: str, folder: Path, claim: str) -> UUID:
    """The flow run that is to do the stage."""
    title = f"{rounds_title(run.config.name, round_number(folder), 1)}: {stage}"
    try:
        made = run_deployment(
            deployment,
            parameters={"round": str(folder), "stage": stage, "lease": claim},
            timeout=0,
            flow_run_name=title,
            tags=[run.config.name],
        )
    except ObjectNotFound as error:
        raise UserError(f"gpu_stages: there is no deployment {deployment!r} any more") from error
    except AWAY as error:
        raise WorkFailed(
            f"{stage}: Prefect's server, which is to place this stage, does not answer: "
            f"{str(error) or type(error).__name__}"
        ) from error
    run.display.stage(stage)(0, 0, f"sent to {deployment}")
    return made.id


def _wait(
    run: Session, deployment: str, stage: str, folder: Path, claim: str, sent: UUID
) -> Returned:
    """How the stage ended, once it has and its process is done. Raises WorkFailed where that ended
    without a word, or gives no sign of life.
    """
    borrower, log = Borrower(run.lease, claim), ChildLog(sent, run.display)
    begun, said, over = time.monotonic(), False, 0
    while True:
        state = _state(sent)
        gone = borrower.is_gone(state is not None and state.is_running())
        ended = state is not None and state.is_final()
        log.tell_new()
        returned = read_returned(folder, claim)
        over += gone or ended or returned is not None
        if over > LAST_LOOKS and returned is not None:
            return returned
        if over > LAST_LOOKS and state is not None and ended:
            raise _ended(f"{stage}: the flow run that was to do it, of {deployment},", state)
        if over > LAST_LOOKS:
            raise WorkFailed(
                f"{stage}: process {borrower.who}, which did it, ended without a word, or gave no "
                "sign of life for too long"
            )
        waits = state is not None and (state.is_scheduled() or state.is_pending())
        if waits and not said and time.monotonic() - begun > LATE:
            said = True
            run.display.warn(
                f"{stage}: no worker has begun it yet; is one of the pool of {deployment} there? "
                "(prefect worker start --pool NAME)"
            )
        check_fence(folder / "work")
        time.sleep(LOOKS)


def _ended(who: str, state: State[Any]) -> WorkFailed:
    """The error of a stage whose flow run has ended and left no word of how."""
    said = f"{who} ended as {state.name}: {state.message or 'no reason is given'}"
    if state.is_crashed():  # killed, or its worker's machine with it
        return WorkFailed(said)
    return Stopped(said, "put that right and run the same command again")


def _state(sent: UUID) -> State[Any] | None:
    """What Prefect has last heard of it; None where it does not answer."""
    try:
        with get_client(sync_client=True) as client:
            return client.read_flow_run(sent).state
    except ObjectNotFound:  # deleted, or lost with the server's database: nobody will begin it
        return Crashed(message="it is unknown to Prefect's server by now")
    except AWAY:
        return None


def _call_off(sent: UUID) -> None:
    """Have Prefect end a flow run that nobody waits for any more. It writes nothing in any case."""
    try:
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(sent).state
            if state is None or state.is_final():
                return
            begun = state.is_running()
            client.set_flow_run_state(sent, Cancelling() if begun else Cancelled(), force=True)
    except AWAY:
        pass
