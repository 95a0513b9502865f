"""The progress artifact of a round: one number for the whole of it, and the stage it is at."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import copy_context
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext

EVERY = 5.0
"""Seconds between two updates."""
LAST = 10.0
"""Seconds that the last update may take when the round ends."""


class ProgressArtifact:
    """How far a round is, sent to Prefect by a thread of its own: a stage that reports is not held
    up by a server that is slow or gone. Of reports between two updates the last one counts.
    """

    def __init__(self, artifact: UUID, title: str, stages: Sequence[str]) -> None:
        self._artifact, self._title, self._stages = artifact, title, stages
        self._percent, self._text = 0.0, "begins"
        self._changed, self._over = threading.Event(), threading.Event()
        context = copy_context()  # it knows which server, and that one may end before the process
        self._thread = threading.Thread(target=context.run, args=(self._send,), daemon=True)
        self._thread.start()

    def note(self, stage: str, done: int, total: int, note: str = "") -> None:
        """`done` of `total` units of the stage, by its name on the display, are finished."""
        place = stage.replace(" ", "_").replace("-", "_")
        if place not in self._stages:  # what runs beside the stages
            return
        share = (self._stages.index(place) + (min(done / total, 1) if total else 0)) * 100
        of = f" {done:,} of {total:,}" if total else ""
        self._set(share / len(self._stages), f"{stage}{of}{f', {note}' if note else ''}")

    def ends(self, text: str, finished: bool) -> None:
        """The last that it says: the round is finished, or is left where it is."""
        self._set(100 if finished else self._percent, text)
        self._over.set()
        self._changed.set()
        self._thread.join(LAST)

    def _set(self, percent: float, text: str) -> None:
        self._percent, self._text = max(self._percent, percent), text
        self._changed.set()

    def _send(self) -> None:
        while True:
            self._changed.wait()
            self._changed.clear()
            over = self._over.is_set()
            with suppress(Exception):
                update_progress_artifact(
                    self._artifact,
                    progress=round(self._percent, 1),
                    description=f"{self._title}: {self._text}",
                )
            if over:
                return
            self._over.wait(EVERY)


@contextmanager
def progress_artifact(
    key: str, title: str, stages: Sequence[str], ended: Callable[[], tuple[str, bool]]
) -> Iterator[ProgressArtifact | None]:
    """The artifact of the flow run that is under way; None where none is, or Prefect takes none.

    However the block ends, `ended` says what to write then, and whether the round is finished.
    """
    artifact = None
    if FlowRunContext.get() is not None:  # else Prefect would start a server to keep it
        with suppress(Exception):
            made = create_progress_artifact(progress=0, key=key, description=f"{title}: begins")
            artifact = ProgressArtifact(made, title, stages)
    try:
        yield artifact
    finally:
        if artifact is not None:
            artifact.ends(*ended())
