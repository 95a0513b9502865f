"""What the progress display shows, told to the flow run's log and to one progress artifact, for
whoever has Prefect's page alone."""

import logging
import time
from typing import Any

from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger

from flows.display import counts_text
from flows.progress_artifact import ProgressArtifact
from flows.speed import Speed
from rounds.stages import Progress

APART = 10.0
"""Seconds at least between two lines of a stage that has begun and is not done."""
LONGEST = 60.0
"""Seconds after which a stage says where it is, moved or not."""


class Telling:
    """Where a display's lines and stages go in Prefect.

    The work asks for lines from threads that know nothing of the flow run: what was the run's log
    when a stage began is its log.
    """

    def __init__(self) -> None:
        self._log: Any = None
        self.artifact: ProgressArtifact | None = None

    def say(self, message: str, level: int = logging.INFO) -> None:
        """A line in the log of the flow run; outside of one nothing."""
        if (log := self._here()) is not None:
            log.log(level, message)

    def stage(self, name: str, shown: Progress) -> Progress:
        """A progress that is shown as before, and told when the stage begins, when it is done and
        now and then between.
        """
        self._here()
        told: float | None = None
        tenth, done_before, speed = 0, False, Speed()

        def report(done: int, total: int, note: str = "") -> None:
            nonlocal told, tenth, done_before
            shown(done, total, note)
            speed.report(done, total)
            now, ended = time.monotonic(), bool(total) and done >= total
            now_tenth = 10 * done // total if total else 0
            if self.artifact is not None:
                self.artifact.note(name, done, total, note)
            apart = LONGEST if told is None else now - told
            moved = now_tenth > tenth and apart >= APART
            if told is None or moved or ended != done_before or (not ended and apart >= LONGEST):
                told, tenth = now, now_tenth
                parts = [f"{name}:", counts_text(done, total, speed), note]
                self.say(" ".join(filter(None, parts)))
            done_before = ended

        return report

    def _here(self) -> Any:
        try:
            self._log = get_run_logger()
        except MissingContextError:
            pass  # a thread of the work
        return self._log
