"""What a schedule's tick is to Prefect where another process has, or had, the run: skipped where it
is at work, and the end of the dead one's flow runs where it is not.
"""

from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import UUID

from prefect import State
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
)
from prefect.client.schemas.objects import FlowRun, StateType, TaskRun
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Crashed

from flows.display import Display
from rounds.errors import Busy
from rounds.lease import Lease

Run = TypeVar("Run", FlowRun, TaskRun)
AT_WORK = (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)
DIED = "The process that ran it ended without a word; another has taken the run over."


def skips(busy: Busy) -> State[Any]:
    """The state of a flow that finds its run worked on: nothing to do, and no failure."""
    return Completed(name="Skipped", message=str(busy))


def take_over(lease: Lease, display: Display) -> None:
    """Note in the lease which flow run works under it, and end those of owners that died.

    Prefect would show them as running for ever. A server that does not know them, or does not
    answer, stops nothing.
    """
    if flow_run.id:
        lease.note(flow_runs=(str(flow_run.id),))
    if not lease.claim.left:
        return
    try:
        with get_client(sync_client=True) as client:
            for one in lease.claim.left:
                if one != flow_run.id:  # this very flow run may have been started once more
                    _crash(client, UUID(one))
    except Exception as error:
        display.warn(f"flow runs of a process that died may still be shown as running: {error}")
    else:
        lease.note(left=())


def _crash(client: SyncPrefectClient, flow_run_id: UUID) -> None:
    """Mark a flow run, those within it and their tasks as crashed, where they are at work."""
    try:
        run = client.read_flow_run(flow_run_id)
    except ObjectNotFound:  # of another server
        return
    within = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run.id]))
    for one in client.read_flow_runs(flow_run_filter=within):
        if one.state and one.state.is_scheduled():  # a stage that no worker has begun
            client.set_flow_run_state(one.id, Cancelled(message=DIED), force=True)
        _crash(client, one.id)
    tasks = client.read_task_runs(
        task_run_filter=TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run.id]))
    )
    for task in _at_work(tasks):
        client.set_task_run_state(task.id, Crashed(message=DIED), force=True)
    for one in _at_work([run]):
        client.set_flow_run_state(one.id, Crashed(message=DIED), force=True)


def _at_work(runs: Iterable[Run]) -> list[Run]:
    """Those that Prefect takes for being at work. What is scheduled may yet be."""
    return [run for run in runs if run.state and run.state.type in AT_WORK]
