"""One progress display for the whole round: stage, counts, rate, time left."""

import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

from flows.speed import Speed
from rounds.progress import noting
from rounds.stages import Progress

if TYPE_CHECKING:  # most of those who show progress need no Prefect
    from flows.telling import Telling

SAID = logging.getLogger("prefloop")

QUIET_SECONDS = 10.0
"""Seconds between two lines of a stage where there is no terminal to redraw."""


class Said(logging.Handler):
    """What is logged under "prefloop" is said: a warning as one, the rest as it is."""

    def __init__(self, display: "Display") -> None:
        super().__init__()
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        """One line of it."""
        say = self._display.warn if record.levelno >= logging.WARNING else self._display.tell
        say(record.getMessage())


class Display:
    """Bars on a terminal, a line now and then in a log, and the same told to Prefect.

    `alone` where nobody sits before it: Prefect's log has what it says, and nothing else.
    """

    def __init__(self, told: "Telling | None" = None, alone: bool = False) -> None:
        self.told = told
        self._alone = alone
        self._said = Said(self)
        self._console = Console(stderr=True, quiet=alone)
        self._bars = self._new_bars()
        self._folder: Path | None = None

    def _new_bars(self) -> Bars:
        return Bars(
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[counts]}", style="green", markup=False),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=self._console,
            disable=not self._console.is_terminal,
            redirect_stdout=sys.stdout.isatty(),  # what goes to a file goes there
        )

    def __enter__(self) -> "Display":
        self._bars.start()
        SAID.addHandler(self._said)
        SAID.setLevel(logging.INFO)
        SAID.propagate = False  # Prefect's handlers would say it again
        return self

    def __exit__(self, *raised: object) -> None:
        SAID.removeHandler(self._said)
        SAID.propagate = True
        self.rest()

    def warn(self, message: str) -> None:
        """Something the user should know that stops nothing."""
        self._say(f"warning: {message}", style="yellow")
        if self.told is not None:
            self.told.say(message, logging.WARNING)

    def tell(self, message: str) -> None:
        """What was found, in a line of its own."""
        self._say(message)
        if self.told is not None:
            self.told.say(message)

    def _say(self, message: str, style: str | None = None) -> None:
        self._console.print(message, style=style, markup=False, highlight=False, soft_wrap=True)

    def title(self, text: str) -> None:
        """A new round begins: its stages get lines of their own."""
        self.rest()
        self._console.print(text, style="bold", highlight=False)
        if self.told is not None:
            self.told.say(text)
        self._bars = self._new_bars()
        self._bars.start()

    def rest(self) -> None:
        """The bars stay as they are, and others may write on the terminal, until the next title."""
        if self._console.is_terminal:
            self._bars.stop()

    def follow(self, folder: Path) -> None:
        """How far the stages are is noted in this round's folder from here on."""
        self._folder = folder

    def stage(self, name: str) -> Progress:
        """The progress of one stage; its line appears with its first report."""
        shown = self._bar(name) if self._console.is_terminal else self._lines(name)
        if self.told is not None:
            shown = self.told.stage(name, shown)
        return noting(self._folder, name, shown) if self._folder else shown

    def _bar(self, name: str) -> Progress:
        bars, task, speed = self._bars, None, Speed()

        def report(done: int, total: int, note: str = "") -> None:
            nonlocal bars, task
            speed.report(done, total)
            shown: dict[str, Any] = {"counts": counts_text(done, total, speed), "note": note}
            if task is None or bars is not self._bars:  # those of an earlier round are done with
                bars = self._bars
                task = bars.add_task(name, total=total or None, **shown)
            bars.update(task, completed=done, total=total or None, **shown)

        return report

    def _lines(self, name: str) -> Progress:
        last, speed = time.monotonic(), Speed()

        def report(done: int, total: int, note: str = "") -> None:
            nonlocal last
            now = time.monotonic()
            speed.report(done, total)
            if self._alone:
                return
            if (total and done == total) or now - last >= QUIET_SECONDS:
                last = now
                line = " ".join(filter(None, [f"{name}:", counts_text(done, total, speed), note]))
                print(line, file=sys.stderr, flush=True)

        return report


def counts_text(done: int, total: int, speed: Speed) -> str:
    """How far a stage is, how fast it goes and how long it will take, as far as that is known."""
    if not total:
        return ""
    rate = "" if speed.rate is None else f", {speed.rate:.1f}/s"
    left = speed.seconds_left
    return f"{done}/{total}{rate}" + ("" if left is None else f", {_duration(left)} left")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
