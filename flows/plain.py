"""Stages through Prefect, or as the plain functions that they are: where a run is to do without
Prefect, and from where its server no longer answers. The round folder is the truth either way.
"""

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import update_wrapper
from types import SimpleNamespace
from typing import Any, Generic, ParamSpec, TypeVar

import httpx
import prefect
from prefect.exceptions import CancelledRun, PrefectException
from prefect.settings import get_current_settings

from rounds.errors import UserError, WorkFailed

Given = ParamSpec("Given")
Result = TypeVar("Result")

LOG = logging.getLogger("prefloop")
LOST = (httpx.HTTPError, PrefectException, OSError)
"""What Prefect's engine raises where its server is gone."""
PATIENCE = 15.0
"""Seconds that a server may be silent before the work goes on without it: one that is started
anew takes less."""
TRIES_APART = 0.5
RETRIES = 3
"""Of one of Prefect's own calls, in 2, 4 and 8 seconds; its default takes a minute."""
ANSWER = 5.0
"""Seconds that one answer may take."""


class _Prefect:
    """What is known of Prefect in this process: `wanted` at all, and `there` when last looked."""

    wanted, there = True, True
    patience = PATIENCE


def do_without() -> None:
    """Nothing goes through Prefect from here on: no server is asked, and none is missed."""
    _Prefect.wanted = False


def of_our_own() -> None:
    """The server is the run's own: nobody starts it anew."""
    _Prefect.patience = TRIES_APART


def through_prefect() -> bool:
    """Whether work goes through Prefect: it is to, and its server answers.

    Asks the server. That it is lost, or there again, is said once.
    """
    if not _Prefect.wanted:
        return False
    fault = _fault(_Prefect.patience if _Prefect.there else 0.0)
    if _Prefect.there and fault:
        LOG.warning(
            "Prefect's server does not answer any more (%s); the work goes on without it, and what "
            "it shows of this run stands still",
            fault,
        )
    elif not _Prefect.there and not fault:
        LOG.warning("Prefect's server answers again")
    _Prefect.there = not fault
    _be_patient(_Prefect.there)
    return _Prefect.there


def is_there() -> bool:
    """What `through_prefect` has found last."""
    return _Prefect.wanted and _Prefect.there


class Stage(Generic[Given, Result]):
    """A task of Prefect's, or its function `fn`, tried again in the same cases."""

    def __init__(self, work: Callable[Given, Result], options: Mapping[str, Any]) -> None:
        update_wrapper(self, work)
        self.fn, self._options = work, options
        self.task = prefect.task(**options)(work)

    def __call__(self, *args: Given.args, **kwargs: Given.kwargs) -> Any:
        """Its result, or the state it ended in where that has a name of its own."""
        if through_prefect():
            return self.task(*args, **kwargs)
        return self._plainly(*args, **kwargs)

    def submit(self, *args: Given.args, **kwargs: Given.kwargs) -> Any:
        """The same beside what follows; `result()` waits for it."""
        if through_prefect():
            return self.task.submit(*args, **kwargs)
        threads = ThreadPoolExecutor(1)
        try:
            context = copy_context()
            work: Future[Any] = threads.submit(
                lambda: context.run(lambda: self._plainly(*args, **kwargs))
            )
            return work
        finally:
            threads.shutdown(wait=False)

    def _plainly(self, *args: Given.args, **kwargs: Given.kwargs) -> Any:
        for seconds in self._options.get("retry_delay_seconds", ()):
            try:
                return self.fn(*args, **kwargs)
            except Exception as error:
                ended = SimpleNamespace(result=lambda raise_on_failure, error=error: error)
                if not self._options["retry_condition_fn"](None, None, ended):
                    raise
                time.sleep(seconds)
        return self.fn(*args, **kwargs)


def task(**options: Any) -> Callable[[Callable[Given, Result]], Stage[Given, Result]]:
    """A stage from its function; `options` are those of Prefect's own decorator."""
    return lambda work: Stage(work, options)


def flow_or_plain(
    flow: Any, *args: Any, otherwise: Callable[[BaseException | None], Result]
) -> Result:
    """The result of a flow; where there is no Prefect, or it was lost on the way, of `otherwise`,
    which is given what Prefect raised. What the work itself raised is raised.
    """
    if not through_prefect():
        return otherwise(None)
    try:
        result: Result = flow(*args)
        return result
    except CancelledRun:
        raise
    except LOST as error:
        if through_prefect():
            raise
        if (cause := _of_the_work(error)) is not None:
            raise cause from None
        return otherwise(error)


def _of_the_work(error: BaseException) -> BaseException | None:
    """What Prefect could not note down: an error of the work, behind one of its own."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, UserError | WorkFailed | KeyboardInterrupt):
            return seen
        seen = seen.__context__
    return None


def _fault(patience: float) -> str | None:
    """Why the server does not answer, after so many seconds; None where it does."""
    url = get_current_settings().api.url
    if url is None:
        return None
    deadline = time.monotonic() + patience
    while True:
        try:
            # below 500 it answers, and Prefect Cloud knows no such address
            verify = url.startswith("https")  # else certificates would be read, for nothing
            if httpx.get(f"{url}/health", timeout=ANSWER, verify=verify).status_code < 500:
                return None
            fault = "it answers with an error of its own"
        except (httpx.HTTPError, OSError) as error:
            fault = (str(error) or type(error).__name__).splitlines()[0]
        if time.monotonic() >= deadline:
            return fault
        time.sleep(TRIES_APART)


def _be_patient(patient: bool) -> None:
    """Prefect's own calls are tried again, or, while its server is gone, fail at once and unsaid.

    Its threads have their own idea of what the settings are, so these change in place.
    """
    settings = get_current_settings()
    settings.client.max_retries = RETRIES if patient else 0
    settings.logging.to_api.enabled = patient
    logging.raiseExceptions = patient
