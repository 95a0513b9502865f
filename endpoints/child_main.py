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


def report_progress(done: int, total: int, note: str = "") -> None:
    """One progress line for the parent."""
    print(f"progress {done} {total} {note}", file=sys.__stdout__, flush=True)


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
        print(f"{ERROR}{line}", file=sys.__stdout__, flush=True)
        sys.exit(USER_ERROR)
