"""One writer for a run folder, across processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rounds.at_work import holder as holder_of
from rounds.errors import UserError
from rounds.lock import run_lock

HOLD = """
import sys, time
from pathlib import Path
from rounds.lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(run_dir: Path) -> Iterator[subprocess.Popen]:
    """Another process that holds the run's lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_holder_is_told_which_process_works_on_the_run(holder, run_dir: Path):
    with (
        pytest.raises(UserError, match=f"demo: process {holder.pid} is working"),
        run_lock(run_dir),
    ):
        pass
    assert holder_of(run_dir) == str(holder.pid)


def test_a_killed_holder_works_on_nothing(holder, run_dir: Path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert holder_of(run_dir) is None


def test_the_kernel_releases_the_lock_of_a_killed_holder(holder, run_dir: Path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    started = time.monotonic()
    with run_lock(run_dir):
        assert holder_of(run_dir) == str(os.getpid())
    assert time.monotonic() - started < 1, "at once, on this machine"


def test_the_lock_is_free_after_the_holder_is_done(run_dir: Path):
    for _ in range(2):
        with run_lock(run_dir):
            assert holder_of(run_dir) == str(os.getpid())
        assert holder_of(run_dir) is None


def test_the_lock_is_free_after_an_error(run_dir: Path):
    with pytest.raises(ZeroDivisionError), run_lock(run_dir):
        raise ZeroDivisionError
    with run_lock(run_dir):
        pass


def test_a_child_process_does_not_keep_the_lock(run_dir: Path):
    with run_lock(run_dir):
        child = subprocess.Popen(["sleep", "5"], close_fds=False)
    try:
        with run_lock(run_dir):
            assert child.poll() is None
    finally:
        child.kill()
        child.wait()
