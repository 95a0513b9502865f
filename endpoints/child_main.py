"""What a child process of `run_child` says to its parent, and how the parent reads it.

Real stdout carries progress lines and, last, a user's error; everything else a library prints goes
to stderr, which the parent keeps as a log.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from rounds.errors import UserError
from rounds.stages import Progress

USER_ERROR = 2
ERROR = "error: "
"""Begins the last line of a child that ends with a user's error."""


def say(line: str) -> None:
    """One line for the parent, in one write: the processes of a launcher share its stdout, and
    `print` to a stream without a buffer writes a line and its end apart, others' between them.
    """
    assert sys.__stdout__ is not None
    sys.__stdout__.write(f"{line}\n")
    sys.__stdout__.flush()


def report_progress(done: int, total: int, note: str = "") -> None:
    """One progress line for the parent."""
    say(f"progress {done} {total} {note}")


def progress_reader(progress: Progress) -> Callable[[str], None]:
    """The parent's side: a reader of the child's lines that hands `progress` what they report."""

    def on_line(line: str) -> None:
        if line.startswith("progress "):
            _, done, total, note = line.split(" ", 3)
            progress(int(done), int(total), note)

    return on_line


def child_main(main: Callable[[Path], None]) -> None:
    """Run `main` on the job file of the command line; a UserError becomes the parent's."""
    sys.stdout = sys.stderr
    try:
        main(Path(sys.argv[1]))
    except UserError as error:
        line = " ".join(str(error).splitlines())  # the parent reads one line
        say(f"{ERROR}{line}")
        sys.exit(USER_ERROR)
