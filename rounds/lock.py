"""One writer for a run folder, on whatever machine: a lease with a heartbeat.

The newest claim (`rounds.claims`) is the lease. Its owner beats: it counts its claim up. Who finds
another's lease takes the run over at once where that process is known to be gone, and else when
*it* has watched for the lease's length and seen no beat: no two machines' clocks are compared. One
that was only stopped, and wakes, writes nothing (`rounds.fence`).
"""

import fcntl
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rounds import claims
from rounds.claims import Claim, newest, read_claim, write_claim
from rounds.errors import Busy, LeaseLost
from rounds.fence import fenced, lease_lost
from rounds.files import read_json
from rounds.folder import finished_rounds
from rounds.takeover import remove_temporaries, replace_databases

SAID = logging.getLogger("prefloop")

LEASE = 120.0
"""Seconds without a sign of life after which another may take a run over."""
BEATS = 24
"""In the length of a lease; who gave a sign of life within three of them is at work."""
CHILDREN_END = 7.0
"""Seconds in which the children of one that was only stopped end, and free the GPU: their
supervisors look each second, and allow five."""
LETS_GO = 5.0
"""Seconds that one who lost its lease has to come to its end, until it is interrupted."""
LOCK = ".lock"
"""What a process that runs an earlier version of prefloop holds locked."""


class Lease:
    """The lease that this process holds."""

    def __init__(self, run_dir: Path, claim: Claim) -> None:
        self.run_dir, self.claim = run_dir, claim
        self._ended = threading.Event()
        self._writing = threading.Lock()
        self._beating = threading.Thread(target=self._beat, name="prefloop lease", daemon=True)
        self._beating.start()

    def note(self, **facts: Any) -> None:
        """Write facts of the claim down: those of `rounds.claims.Claim`."""
        with self._writing:
            self.claim = self.claim._replace(**facts)
            write_claim(self.run_dir, self.claim)

    def end(self) -> None:
        """Stop beating, and let go of the run unless it was taken over."""
        self._ended.set()
        self._beating.join(LETS_GO)
        if newest(self.run_dir) == self.claim.token:
            self.note(released=True)

    def _beat(self) -> None:
        while not self._ended.wait(self.claim.lease / BEATS):
            with suppress(OSError):  # storage that is away for a while
                if newest(self.run_dir) != self.claim.token:
                    self._lose()
                    return
                self.note(beat=self.claim.beat + 1)

    def _lose(self) -> None:
        """Have the process end. Most work ends by itself, for each thing that it writes and each
        request that it looks up is refused; what only waits is interrupted, as by Ctrl-C.
        """
        main = threading.main_thread().ident
        if not self._ended.wait(LETS_GO) and main and callable(signal.getsignal(signal.SIGINT)):
            signal.pthread_kill(main, signal.SIGINT)


@contextmanager
def run_lock(run_dir: Path, seconds: float | None = None) -> Iterator[Lease]:
    """Hold the run's lease, of `seconds` (LEASE), or raise Busy saying who works on it.

    Local runs and deployments share it, so overlapping schedules cannot mix two rounds. Waits as
    long as must be watched to know that a silent owner is gone. Raises LeaseLost when another has
    taken the run over in the meantime.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    run_dir = run_dir.resolve()
    claim, file = _acquire(run_dir, LEASE if seconds is None else seconds)
    lease = Lease(run_dir, claim)
    try:
        with fenced(run_dir, claim.token):
            _settle(lease)
            yield lease
    except LeaseLost:
        raise
    except (Exception, KeyboardInterrupt):
        if newest(run_dir) != claim.token:  # whatever else it looks like: children ended, Ctrl-C
            raise lease_lost(run_dir) from None
        raise
    finally:
        lease.end()
        os.close(file)


def refuse_if_busy(run_dir: Path) -> None:
    """Raise Busy where another is plainly at work on a run, without waiting to find out."""
    if (old := _earlier_version(run_dir)) is not None:
        raise _busy(run_dir, old)
    claim = read_claim(run_dir, newest(run_dir))
    if not _is_over(run_dir, claim) and _gave_sign(run_dir, claim):
        raise _busy(run_dir, claim.who)


def holder(run_dir: Path) -> str | None:
    """Who works on a run: the id of its process, and its host where that is another; None where
    none does. Reads only, so that by this machine's clock a lease has run out.
    """
    if (old := _earlier_version(run_dir)) is not None:
        return old
    claim = read_claim(run_dir, newest(run_dir))
    if _is_over(run_dir, claim) or time.time() - claim.at > claim.lease:
        return None
    return claim.who


def gone(run_dir: Path) -> str | None:
    """Who last worked on a run and ended without a word, with the time of its last sign of life
    (ISO 8601, UTC); None where one works on it, or all ended in order.
    """
    claim = read_claim(run_dir, newest(run_dir))
    if not claim.pid or claim.released or holder(run_dir) is not None:
        return None
    at = datetime.fromtimestamp(claim.at, UTC).isoformat(timespec="seconds")
    return f"{claim.who}, last seen {at}"


def _acquire(run_dir: Path, seconds: float) -> tuple[Claim, int]:
    """The claim of this process and its open file. Raises Busy where another is at work."""
    (run_dir / claims.FOLDER).mkdir(exist_ok=True)
    if (old := _earlier_version(run_dir)) is not None:
        raise _busy(run_dir, old)
    before = read_claim(run_dir, newest(run_dir))
    contested = _wait_until_over(run_dir, before)
    token = (before.token or _last_fence(run_dir)) + 1
    file = claims.make_claim(run_dir, token)
    if file is None or newest(run_dir) != token:  # another was as fast
        if file is not None:
            os.close(file)
        raise _busy(run_dir, read_claim(run_dir, newest(run_dir)).who)
    claim = claims.claim_of_this_process(
        token,
        file,
        lease=seconds,
        contested=contested or before.contested,
        left=before.left if before.released else (*before.left, *before.flow_runs),
    )
    write_claim(run_dir, claim)
    return claim, file


def _wait_until_over(run_dir: Path, claim: Claim) -> bool:
    """Wait until a claim may be passed over; whether its process may still live. Raises Busy."""
    if _is_over(run_dir, claim):
        return False
    if _gave_sign(run_dir, claim):
        raise _busy(run_dir, claim.who)
    SAID.warning(
        f"{run_dir}: process {claim.who} works on this run, or did, and has given no sign of life "
        f"for a while; it is taken over after {claim.lease:g} s without one"
    )
    started = time.monotonic()
    while time.monotonic() - started < claim.lease:
        time.sleep(min(1.0, claim.lease / BEATS))
        now = read_claim(run_dir, newest(run_dir))
        if (now.token, now.beat) != (claim.token, claim.beat) and not now.released:
            raise _busy(run_dir, now.who)
        if _is_over(run_dir, now):
            return False
    SAID.warning(f"{run_dir}: taken over from process {claim.who}")
    return True


def _settle(lease: Lease) -> None:
    """Keep those before from writing, and note that they are."""
    remove_temporaries(lease.run_dir)
    if lease.claim.contested:
        replace_databases(lease.run_dir)
        time.sleep(min(CHILDREN_END, lease.claim.lease))
        lease.note(contested=False)
    claims.remove_claims(lease.run_dir, lease.claim.token)


def _is_over(run_dir: Path, claim: Claim) -> bool:
    return not claim.token or claim.released or claims.is_dead(run_dir, claim)


def _gave_sign(run_dir: Path, claim: Claim) -> bool:
    """Whether a claim was written within three beats, by the clock of its folder."""
    ago = claims.folder_time(run_dir) - claim.at
    return 0 <= ago <= 3 * claim.lease / BEATS


def _busy(run_dir: Path, who: str) -> Busy:
    return Busy(f"{run_dir}: process {who} is working on this run; wait for it, or stop it")


def _last_fence(run_dir: Path) -> int:
    """The token in the last manifest: a run that was copied without its claims counts on."""
    with suppress(OSError, ValueError, AttributeError):  # a damaged one is named where it is read
        for folder in finished_rounds(run_dir)[-1:]:
            return int(read_json(folder / "manifest.json").get("fence") or 0)
    return 0


def _earlier_version(run_dir: Path) -> str | None:
    """The process of an earlier version of prefloop that works on the run."""
    try:
        file = (run_dir / LOCK).open()
    except OSError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read().strip() or "unknown"
        except OSError:
            pass
    return None
