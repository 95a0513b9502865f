"""Other owners of a run, for tests: in a process of their own, or on a machine that is none."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rounds.claims import FOLDER, claim_path, newest, read_claim, write_claim

OWNER = """
import sys, time
from pathlib import Path
import rounds.lease, rounds.lock
from rounds.errors import UserError, WorkFailed
rounds.lock.LEASE, rounds.lease.LETS_GO = float(sys.argv[2]), 1.0
run_dir = Path(sys.argv[1])
{before}
try:
    with rounds.lock.run_lock(run_dir) as lease:
        print("held", lease.claim.token, flush=True)
        {work}
except (UserError, WorkFailed) as error:
    print(type(error).__name__, error, flush=True)
    sys.exit(1)
print("ended", flush=True)
"""
WAITS = "sys.stdin.readline()"


@contextmanager
def owner(
    run_dir: Path, seconds: float, work: str = WAITS, before: str = ""
) -> Iterator[subprocess.Popen[str]]:
    """A process that takes the run, says "held" and does `work` until it is told to end."""
    code = OWNER.format(work=work.replace("\n", "\n        "), before=before)
    with subprocess.Popen(
        [sys.executable, "-P", "-c", code, str(run_dir), str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    """The next line that an owner says."""
    assert process.stdout is not None
    return process.stdout.readline().rstrip()


def claimed_elsewhere(run_dir: Path, seconds: float, **facts: object) -> None:
    """Claim the run as a process on another machine that gives no further sign of life."""
    (run_dir / FOLDER).mkdir(parents=True, exist_ok=True)
    token = newest(run_dir) + 1
    path = claim_path(run_dir, token)
    path.touch()
    claim = read_claim(run_dir, token)._replace(
        host="elsewhere", boot="another", pid=77, lease=seconds, inode=path.stat().st_ino
    )
    write_claim(run_dir, claim._replace(**facts))  # type: ignore[arg-type]


def facts_of(run_dir: Path) -> dict[str, object]:
    """The newest claim as its file says it."""
    facts: dict[str, object] = json.loads(claim_path(run_dir, newest(run_dir)).read_text())
    return facts


def wait_for(what: Callable[[], object], seconds: float = 10) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
