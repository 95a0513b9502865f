"""The user's pager, and what it can be given: colours only where it shows them as such."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

LESS = "FRX"
"""What less is told where the user's LESS tells it nothing: colours as they are, no pager for what
fits on the screen, and what was read stays there. As git does."""


class Pager(NamedTuple):
    """A command of the shell, the value of LESS for it, and whether it shows colours."""

    command: str
    less: str
    colours: bool


def paged(write: Callable[[Console], None]) -> None:
    """Let `write` print to a console: through the pager on a terminal, plainly elsewhere."""
    console = Console(highlight=False, soft_wrap=True)
    pager = find_pager(os.environ) if console.is_terminal and sys.stdin.isatty() else None
    if pager is None:
        write(console)
        return
    process = subprocess.Popen(
        pager.command,
        shell=True,
        stdin=subprocess.PIPE,
        env={**os.environ, "LESS": pager.less},
        encoding=sys.stdout.encoding,
        errors="backslashreplace",
    )
    assert process.stdin is not None
    through = Console(
        file=process.stdin,
        force_terminal=pager.colours,
        no_color=None if pager.colours else True,
        highlight=False,
        soft_wrap=True,
    )
    try:
        with suppress(BrokenPipeError, KeyboardInterrupt):  # left before its end
            write(through)
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        while process.poll() is None:
            with suppress(KeyboardInterrupt):  # it is the pager's, which goes on
                process.wait()


def find_pager(environment: Mapping[str, str]) -> Pager | None:
    """PAGER, or the first of less and more that is there; None where text goes to the terminal
    itself: PAGER is empty, cat or not there, or the terminal can do nothing.
    """
    if environment.get("TERM", "") in ("", "dumb", "emacs"):
        return None
    command = environment.get("PAGER")
    if command is None:
        command = next(filter(shutil.which, ("less", "more")), "")
    try:
        words = [word for word in shlex.split(command) if "=" not in word.partition("/")[0]]
    except ValueError:  # a quote that does not close
        return None
    found = shutil.which(words[0]) if words else None
    if found is None or Path(found).name == "cat":
        return None
    less = environment.get("LESS", LESS)
    is_less = Path(found).resolve().name == "less"  # and not busybox, which knows no colours
    return Pager(command, less, is_less and _raw([*less.split(), *words[1:]]))


def _raw(options: list[str]) -> bool:
    """Whether these options of less let colours through: -R or -r, of which P and what follows is
    another option's text.
    """
    return any(
        "raw-control-chars" in option.lower()
        if option.startswith("--")
        else "R" in option.partition("P")[0].upper()
        for option in options
    )
