"""The child's side of `run_child`: how a child process speaks to its parent.

Real stdout carries progress lines and, last, a user's error; everything else a library prints goes
to stderr, which the parent keeps as a log.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from rounds.errors import UserError

USER_ERROR = 2


def say(done: int, total: int, note: str = "") -> None:
    """One progress line for the parent."""
    print(f"progress {done} {total} {note}", file=sys.__stdout__, flush=True)


def child_main(main: Callable[[Path], None]) -> None:
    """Run `main` on the job file of the command line; a UserError becomes the parent's."""
    sys.stdout = sys.stderr
    try:
        main(Path(sys.argv[1]))
    except UserError as error:
        line = " ".join(str(error).splitlines())  # the parent reads one line
        print(f"error: {line}", file=sys.__stdout__, flush=True)
        sys.exit(USER_ERROR)
