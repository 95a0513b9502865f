"""Child processes: vLLM and the trainer run in them, because only their exit frees GPU memory.

Children run with safe paths: nothing in the current folder is taken for a module of theirs.
"""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from endpoints import run_module, supervise
from endpoints.child_main import ERROR, USER_ERROR
from endpoints.log_end import begin, says_disk_full, tail
from rounds.disk import LEAST, DiskFull, free_bytes
from rounds.errors import UserError, WorkFailed
from rounds.fence import environment
from rounds.scratch import SHORT_FOLDERS, scratch

SIGNALLED = 128
"""An exit status above it is this and the number of the signal that ended the process."""
PYTHON = (sys.executable, "-P")
"""The interpreter, for a child that does not search the current folder for modules."""

LONGEST_TMPDIR = 60
"""Bytes of a temporary folder below which every socket of a child has room."""

ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONUNBUFFERED": "1",
    "PYTHONSAFEPATH": "1",
}
"""Of every child: nothing phones home, nothing mixes progress bars into logs, and a child's own
children run with safe paths as well."""


class ChildFailed(WorkFailed):
    """A child process ended with an error; the message ends with its last lines.

    What it came to by itself it comes to again, but for a port that was taken or the like.
    """

    then = "put right what its log says and run the same command again"
    own = True


class ChildKilled(ChildFailed):
    """A child process was ended from outside, as the kernel does where memory is short."""

    then = "run the same command again"


@contextmanager
def child(
    command: Sequence[str], log: Path, env: dict[str, str] | None = None, read: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """A supervised child process, ended with all it started on exit.

    Its output goes to `log`; with `read` its stdout is a pipe that the caller must read.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        short_temporary_folder() as temporary,
        _supervised(command, log, temporary | (env or {}), read) as process,
    ):
        yield process


@contextmanager
def short_temporary_folder() -> Iterator[dict[str, str]]:
    """TMPDIR for children, as a short link to it where it is long: vLLM and multiprocessing put
    sockets there, whose paths have 107 bytes at most. Raises UserError where no link can be made.
    """
    folder = tempfile.gettempdir()
    if len(os.fsencode(folder)) <= LONGEST_TMPDIR:
        yield {}
        return
    for short in SHORT_FOLDERS:
        if os.access(short, os.W_OK):
            break
    else:
        raise UserError(
            f"TMPDIR: {folder} is too long for the sockets in it ({LONGEST_TMPDIR} bytes at most); "
            "choose another"
        )
    with scratch("tmp", short) as beside:
        link = beside / "tmp"
        link.symlink_to(folder)
        yield {"TMPDIR": str(link)}


@contextmanager
def _supervised(
    command: Sequence[str], log: Path, env: dict[str, str], read: bool
) -> Iterator[subprocess.Popen[bytes]]:
    read_end, write_end = os.pipe()
    try:
        with log.open("ab") as output:
            output.write(begin(log, shlex.join(command[-3:])).encode(errors="replace"))
            output.flush()
            process = subprocess.Popen(
                [*PYTHON, supervise.__file__, str(read_end), *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if read else output,
                stderr=output,
                pass_fds=(read_end,),
                start_new_session=True,
                env={**os.environ, **ENVIRONMENT, **environment(), **env},
            )
        os.close(read_end)
        read_end = -1
        yield process
    finally:
        with suppress(BrokenPipeError):  # the supervisor has ended before
            os.write(write_end, b".")  # not only closed: a fork of ours would hold it open
        os.close(write_end)
        if read_end >= 0:
            os.close(read_end)
        else:
            process.wait()


def module_command(module: str, job: Path | str, launcher: Sequence[str] = PYTHON) -> list[str]:
    """The command that runs a module of ours on a job file; `launcher` runs a Python script."""
    return [*launcher, run_module.__file__, module, str(job)]


def run_child(
    module: str,
    job: Path,
    log: Path,
    on_line: Callable[[str], None],
    launcher: Sequence[str] = PYTHON,
) -> None:
    """Run a module on a job file to its end, giving each line of its stdout to `on_line`.

    Exit status 2 is a UserError with the error that the child has said on stdout as its message, an
    end by a signal ChildKilled, any other failure ChildFailed with the end of its log.
    """
    last = ""
    with child(module_command(module, job, launcher), log, read=True) as process:
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            on_line(line)
            last = last_word(last, line)
        status = process.wait()
    if status and launcher != PYTHON and last.startswith(ERROR):
        status = USER_ERROR  # a launcher ends with a status of its own
    check_ended(module, log, status, last)


def last_word(before: str, line: str) -> str:
    """What a child has said last: its error once it has said one, for other processes that it
    started may still speak.
    """
    return before if before.startswith(ERROR) else line


def check_ended(module: str, log: Path, status: int, last: str) -> None:
    """Raise as `run_child` does for the exit status of a module and its last word on stdout."""
    if status == USER_ERROR and last.startswith(ERROR):
        raise UserError(last.removeprefix(ERROR))
    if status and (says_disk_full(log) or free_bytes(log.parent) < LEAST // 4):
        raise DiskFull(log.parent, f"{module} could not write")
    if name := ended_by(status):
        memory = " (the machine may be short of memory)" if name == "SIGKILL" else ""
        end = tail(log, cause=False)
        raise ChildKilled(f"{module} was ended by {name}{memory}; {log} ends with:\n{end}")
    if status:
        raise ChildFailed(f"{module} ended with status {status}; {log} ends with:\n{tail(log)}")


def ended_by(status: int) -> str | None:
    """The signal that ended a process of this exit status; None where it ended by itself."""
    names = {SIGNALLED + one: one.name for one in signal.Signals}
    return names.get(status)
