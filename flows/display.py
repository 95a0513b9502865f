"""One progress display for the whole round: stage, counts, rate, time left."""

import logging
import sys
import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bars,
)
from rich.text import Text

from rounds.stages import Progress

SAID = logging.getLogger("prefloop")

QUIET_SECONDS = 10.0
"""Seconds between two lines of a stage where there is no terminal to redraw."""


class Rate(ProgressColumn):
    """Units a second."""

    def render(self, task: Task) -> Text:
        """The rate of one stage."""
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="dim")


class Said(logging.Handler):
    """What the stages log under "prefloop" is said as a warning."""

    def __init__(self, display: "Display") -> None:
        super().__init__()
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        """One line of it."""
        self._display.warn(record.getMessage())


class Display:
    """Bars on a terminal, a line now and then in a log."""

    def __init__(self) -> None:
        self._said = Said(self)
        self._console = Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            Rate(),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[note]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> "Display":
        self._bars.start()
        SAID.addHandler(self._said)
        SAID.propagate = False  # Prefect's handlers would say it again
        return self

    def __exit__(self, *raised: object) -> None:
        SAID.removeHandler(self._said)
        SAID.propagate = True
        self._bars.stop()

    def warn(self, message: str) -> None:
        """Something the user should know that stops nothing."""
        self.tell(f"warning: {message}", style="yellow")

    def tell(self, message: str, style: str | None = None) -> None:
        """What was found, in a line of its own."""
        self._console.print(message, style=style, markup=False, highlight=False, soft_wrap=True)

    def title(self, text: str) -> None:
        """A new round begins: its stages get lines of their own."""
        for task in self._bars.task_ids:
            self._bars.remove_task(task)
        self._console.print(text, style="bold", highlight=False)

    def stage(self, name: str) -> Progress:
        """The progress of one stage; its line appears with its first report."""
        if self._console.is_terminal:
            return self._bar(name)
        return self._lines(name)

    def _bar(self, name: str) -> Progress:
        task = None

        def report(done: int, total: int, note: str = "") -> None:
            nonlocal task
            if task is None:
                task = self._bars.add_task(name, total=total or None, note=note)
            self._bars.update(task, completed=done, total=total or None, note=note)

        return report

    def _lines(self, name: str) -> Progress:
        started = last = time.monotonic()

        def report(done: int, total: int, note: str = "") -> None:
            nonlocal started, last
            now = time.monotonic()
            finished = total > 0 and done == total
            if finished or now - last >= QUIET_SECONDS:
                last = now
                rate = done / max(now - started, 1e-9)
                left = f", {(total - done) / rate:.0f} s left" if 0 < done < total else ""
                counts = f"{done}/{total}, {rate:.1f}/s{left}" if total else ""
                line = " ".join(filter(None, [f"{name}:", counts, note]))
                print(line, file=sys.stderr, flush=True)

        return report
