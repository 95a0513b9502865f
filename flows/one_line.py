"""An error that a user is meant to read is one line in a flow run's log, without a traceback.

Prefect logs an exception of a flow run where its task fails, where its round fails, where the loop
fails and once more when the process ends, each with its traceback. Of what a user can put right,
and of what stopped the work from outside, the flow's own line is kept.
"""

import logging
import re
from ast import literal_eval

from prefect.exceptions import SignatureMismatchError

from rounds.errors import UserError, WorkFailed

FLOWS, TASKS, ENGINE = "prefect.flow_runs", "prefect.task_runs", "prefect.engine"
"""Prefect's loggers."""
RAISED, ENDED = "Encountered exception during execution", "Engine execution exited"
"""Begin what the engine logs of a flow that raised, and then of its process."""
FAILED = re.compile(r"Finished in state Failed\(.Task run encountered an exception (\w+):")
LISTS = re.compile(r"\[[^]]*\]")


def sentence(error: BaseException) -> str:
    """What is said of an error to someone who has only the log: what it is, and what continues."""
    if isinstance(error, SignatureMismatchError):
        known, given = (literal_eval(names) for names in LISTS.findall(str(error)))
        unknown = [name for name in given if name not in known]
        return f"parameters: {', '.join(unknown)}: not among {', '.join(known)}"
    then = f"; nothing is lost: {error.then} to continue" if isinstance(error, WorkFailed) else ""
    return f"{error}{then}"


class OneLine(logging.Filter):
    """Leaves of the records about one such error the flow's, as one line."""

    def __init__(self) -> None:
        super().__init__()
        self._last: BaseException | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged; it may say less then."""
        error, message = record.exc_info[1] if record.exc_info else None, str(record.msg)
        if isinstance(error, UserError | WorkFailed | SignatureMismatchError):
            new, self._last = error is not self._last, error
            if not message.startswith((RAISED, ENDED) if new else RAISED):
                return False
            record.msg, record.args = sentence(error), ()
            record.exc_info = record.exc_text = None
        elif (failed := FAILED.match(message)) and failed[1] in _names(UserError, WorkFailed):
            record.levelno, record.levelname = logging.INFO, "INFO"  # the flow says it
        return True


ONE_LINE = OneLine()


def install() -> None:
    """From here on in this process; again changes nothing."""
    for name in (FLOWS, TASKS, ENGINE):
        logging.getLogger(name).addFilter(ONE_LINE)


def _names(*kinds: type) -> set[str]:
    """The names of these classes and of all below them."""
    below = (_names(*kind.__subclasses__()) for kind in kinds)
    return {kind.__name__ for kind in kinds}.union(*below)
