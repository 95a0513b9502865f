"""What Prefect, or anyone else, is told of a round: while it is under way, and when it is over."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from threading import Thread

from flows.artifacts import artifact_key, publish
from flows.events import tell_finished, tell_round
from flows.plain import is_there
from flows.progress_artifact import progress_artifact
from flows.session import Session
from rounds.files import read_json
from rounds.folder import read_manifest, round_number, run_of
from rounds.report import outcome_text, round_lines
from rounds.status import planned_stages
from rounds.stopped import read_stop


@contextmanager
def shown_progress(run: Session, folder: Path, title: str) -> Iterator[None]:
    """A progress artifact follows the display; the last it says is how the round ended, as the
    round's folder has it.
    """
    if not is_there():
        yield
        return
    key, stages = artifact_key(run.config.name, "progress"), planned_stages(folder, {})
    with progress_artifact(key, title, stages, lambda: _ending(folder)) as artifact:
        if run.display.told is not None:
            run.display.told.artifact = artifact
        yield


def load_report() -> None:
    """Load what writes the report while a stage waits for its judge: it draws, and takes a second
    that would else pass at the end of the round.
    """
    Thread(target=import_module, args=("viewer.report",), name="report", daemon=True).start()


def show_round(run: Session, folder: Path) -> None:
    """Leave the round's report, publish it and tell of it: the round is finished, whatever comes of
    that.
    """
    metrics = read_json(folder / "metrics.json")
    if run.display.told is not None:  # the terminal gets its table
        why = "; ".join(metrics["reasons"])
        run.display.told.say(f"round {metrics['round']}: {outcome_text(metrics)}: {why}")
        run.display.told.say("\n".join(f"{what}: {value}" for what, value in round_lines(metrics)))
    tell_finished(run.config.name, metrics)
    report = None
    try:
        from viewer.report import leave_report  # loaded by then (`load_report`), and by no command

        report = leave_report(folder)
    except Exception as error:
        run.display.warn(f"the report of the round was not written: {error}")
    if not is_there():
        return
    try:
        publish(folder, report)
    except Exception as error:
        run.display.warn(f"the artifacts of the round were not published: {error}")


def tell_waiting(folder: Path) -> None:
    """The event of a round that waits for people: what for, and what continues it."""
    stop = read_stop(folder)
    if stop is not None:
        missing, then = stop["waiting"] or {}, stop["then"]
        run, number = run_of(folder).name, round_number(folder)
        tell_round("waiting", run, number, reason=stop["reason"], then=then, missing=missing)


def _ending(folder: Path) -> tuple[str, bool]:
    """How a round ended, and whether it is finished."""
    if read_manifest(folder) is not None:
        return f"finished, {outcome_text(read_json(folder / 'metrics.json'))}", True
    if (stop := read_stop(folder)) is None:
        return "stopped", False
    return (
        f"{'waits' if stop['waiting'] else 'stopped'} at {stop['stage']}: {stop['reason']}",
        False,
    )
