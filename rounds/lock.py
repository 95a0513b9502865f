"""One writer for a run folder, on whatever machine: a lease with a heartbeat.

The newest claim (`rounds.claims`) is the lease. Its owner beats: it counts its claim up. Who finds
another's lease takes the run over at once where that process is known to be gone, and else when
*it* has watched for the lease's length and seen no beat: no two machines' clocks are compared. One
that was only stopped, and wakes, writes nothing (`rounds.fence`).
"""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rounds import claims
from rounds.at_work import earlier_version, gave_sign, is_over
from rounds.claims import BEATS, Claim, newest, read_claim, write_claim
from rounds.errors import Busy, LeaseLost
from rounds.fence import fenced, lease_lost
from rounds.files import read_json, sync
from rounds.folder import finished_rounds
from rounds.lease import Lease
from rounds.lent import keep_out, lent_to_others

SAID = logging.getLogger("prefloop")

LEASE = 120.0
"""Seconds without a sign of life after which another may take a run over."""


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
    except (Exception, KeyboardInterrupt) as error:
        if newest(run_dir) != claim.token:  # whatever else it looks like: children ended, Ctrl-C
            raise lease_lost(run_dir) from error
        raise
    finally:
        lease.end()
        os.close(file)


def refuse_if_busy(run_dir: Path) -> None:
    """Raise Busy where another is plainly at work on a run, without waiting to find out."""
    if (old := earlier_version(run_dir)) is not None:
        raise _busy(run_dir, old)
    claim = read_claim(run_dir, newest(run_dir))
    if not is_over(run_dir, claim) and gave_sign(run_dir, claim):
        raise _busy(run_dir, claim.who)


def _acquire(run_dir: Path, seconds: float) -> tuple[Claim, int]:
    """The claim of this process and its open file. Raises Busy where another is at work."""
    (run_dir / claims.FOLDER).mkdir(exist_ok=True)
    if (old := earlier_version(run_dir)) is not None:
        raise _busy(run_dir, old)
    before, contested = _wait_until_over(run_dir)
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
        contested=contested or before.contested or lent_to_others(run_dir, before.token),
        left=before.left if before.released else (*before.left, *before.flow_runs),
    )
    write_claim(run_dir, claim)
    os.fsync(file)  # else a loss of power leaves a claim that names nobody
    sync(run_dir / claims.FOLDER)
    return claim, file


def _wait_until_over(run_dir: Path) -> tuple[Claim, bool]:
    """Wait until the newest claim may be passed over; it, and whether its process may still live.
    Raises Busy.
    """
    claim = read_claim(run_dir, newest(run_dir))
    if is_over(run_dir, claim):
        return claim, False
    if gave_sign(run_dir, claim):
        raise _busy(run_dir, claim.who)
    SAID.warning(
        f"{run_dir}: process {claim.who} works on this run, or did, and has given no sign of life "
        f"for a while; it is taken over after {claim.lease:g} s without one"
    )
    started = time.monotonic()
    while time.monotonic() - started < claim.lease:
        time.sleep(min(1.0, claim.lease / BEATS))
        now = read_claim(run_dir, newest(run_dir))
        if is_over(run_dir, now):
            return now, False
        if (now.token, now.beat) != (claim.token, claim.beat):
            raise _busy(run_dir, now.who)
    SAID.warning(f"{run_dir}: taken over from process {claim.who}")
    return claim, True


def _settle(lease: Lease) -> None:
    """Keep those before from writing, and note that they are."""
    keep_out(lease)
    claims.remove_claims(lease.run_dir, lease.claim.token)


def _busy(run_dir: Path, who: str) -> Busy:
    return Busy(f"{run_dir}: process {who} is working on this run; wait for it, or stop it")


def _last_fence(run_dir: Path) -> int:
    """The token in the last manifest: a run that was copied without its claims counts on."""
    with suppress(OSError, ValueError, AttributeError):  # a damaged one is named where it is read
        for folder in finished_rounds(run_dir)[-1:]:
            return int(read_json(folder / "manifest.json").get("fence") or 0)
    return 0
