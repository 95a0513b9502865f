"""What a flow run that works elsewhere says in its log, said here as well."""

import logging
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.exceptions import PrefectException

from flows.display import Display

SAYS = "prefect.flow_runs"
ENGINE = (
    *("Beginning ", "Finished in state", "View at", "Executing deployment", "Running 1 deployment"),
    *("Deployment step", "All deployment steps"),
)
"""Begin what Prefect itself logs of a flow run that goes well."""
MOST = 200
"""Lines at once: what Prefect's server gives."""


class ChildLog:
    """The log of a flow run, from line to line."""

    def __init__(self, flow_run: UUID, display: Display) -> None:
        self._of = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run]))
        self._display, self._told = display, 0

    def tell_new(self) -> None:
        """Say what has come since. A server that does not answer has it for the next time."""
        try:
            with get_client(sync_client=True) as client:
                lines = client.read_logs(self._of, limit=MOST, offset=self._told)
        except (httpx.HTTPError, PrefectException, OSError):
            return
        self._told += len(lines)
        for line in lines:
            if line.name == SAYS and not line.message.startswith(ENGINE):
                warns = line.level >= logging.WARNING
                (self._display.warn if warns else self._display.tell)(line.message)
