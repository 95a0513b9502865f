"""Why a round under way has stopped: kept in its folder until a stage of it is done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypedDict, TypeVar

from rounds.errors import Stopped, UserError, Waiting, WorkFailed
from rounds.files import read_json, remove, write_json

TRIAL = "trial"
"""The stage that runs beside others."""

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Bound(TypedDict):
    """A bound that a judge was held to: the rate it is on, and whether that was beyond it."""

    name: str
    description: str
    value: float
    n: int
    limit: float
    side: str
    crossed: bool


class Stop(TypedDict):
    """The stage that ended the round's work, why, when (ISO 8601, UTC), and what continues it.

    `waiting` are the figures of what the round waits for; None where it stopped.
    """

    stage: str
    reason: str
    then: str
    at: str
    bounds: list[Bound]
    waiting: dict[str, Any] | None


def read_stop(folder: Path) -> Stop | None:
    """Why the round stopped; None where it is at work, was killed, or is finished."""
    path = _path(folder)
    if not path.exists():
        return None
    stop: Stop = read_json(path)
    stop.setdefault("waiting", None)  # stops of before had none
    return stop


def forget_stop(folder: Path) -> None:
    """The round goes on."""
    remove(_path(folder))


@contextmanager
def noting_stops(folder: Path, stage: str) -> Iterator[None]:
    """Write down what ends this stage of the round; a stage that ends well goes on from it.

    The trial runs beside the others: neither takes away what ended the other.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        write_json(_path(folder), _stop(stage, error))
        raise
    stop = read_stop(folder)
    if stop is not None and (stop["stage"] == TRIAL) == (stage == TRIAL):
        forget_stop(folder)


def notes_stops(
    stage: str,
) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """The same for a function whose first argument is the round's folder."""

    def decorate(work: Callable[Given, Result]) -> Callable[Given, Result]:
        @wraps(work)
        def noted(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            folder: Any = args[0] if args else kwargs["folder"]
            with noting_stops(folder, stage):
                return work(*args, **kwargs)

        return noted

    return decorate


def _stop(stage: str, error: BaseException) -> Stop:
    if isinstance(error, KeyboardInterrupt):
        reason, then = "stopped by hand", "run the same command again"
    elif isinstance(error, WorkFailed):
        reason, then = str(error), error.then
    elif isinstance(error, UserError):
        reason, then = str(error), "put that right and run the same command again"
    else:
        reason, then = f"{type(error).__name__}: {error}", "run the same command again"
    return {
        "stage": stage,
        "reason": reason,
        "then": then,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "bounds": error.bounds if isinstance(error, Stopped) else [],
        "waiting": error.missing if isinstance(error, Waiting) else None,
    }


def _path(folder: Path) -> Path:
    return folder / "work" / "stopped.json"
