"""Who works on a run, and who did: what the newest claim and its process tell.

Nothing here waits, and but for a passing file beside the claims nothing is written.
"""

import fcntl
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from rounds.claims import (
    BEATS,
    FOLDER,
    Claim,
    begun,
    boot_of_host,
    claim_path,
    newest,
    read_claim,
)

LOCK = ".lock"
"""What a process that runs an earlier version of prefloop holds locked."""


def holder(run_dir: Path) -> str | None:
    """Who works on a run: the id of its process, and its host where that is another; None where
    none does. Reads only, so that by this machine's clock a lease has run out.
    """
    if (old := earlier_version(run_dir)) is not None:
        return old
    claim = read_claim(run_dir, newest(run_dir))
    if is_over(run_dir, claim) or time.time() - claim.at > claim.lease:
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


def is_over(run_dir: Path, claim: Claim) -> bool:
    """Whether nobody works under a claim: let go of in order, or its process known to be gone."""
    return not claim.token or claim.released or _is_dead(run_dir, claim)


def gave_sign(run_dir: Path, claim: Claim) -> bool:
    """Whether a claim was written within three beats, by the clock of its folder."""
    ago = _folder_time(run_dir) - claim.at
    return 0 <= ago <= 3 * claim.lease / BEATS


def earlier_version(run_dir: Path) -> str | None:
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


def _is_dead(run_dir: Path, claim: Claim) -> bool:
    """Whether the claim's process is known to be gone: it ran on this host, nothing holds its lock
    and no process has its id. False where that cannot be known.
    """
    if (claim.host, claim.boot) != (socket.gethostname(), boot_of_host()) or not claim.boot:
        return False
    if begun(claim.pid) == claim.begun:  # else a file system that locks nothing would say so
        return False
    try:
        file = os.open(claim_path(run_dir, claim.token, claim.lent), os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(file)
    return True


def _folder_time(run_dir: Path) -> float:
    """What time it is by the clock that stamps the claims: that of a file written beside them."""
    with NamedTemporaryFile(dir=run_dir / FOLDER, prefix=".", suffix=".tmp", delete=False) as probe:
        at = os.fstat(probe.fileno()).st_mtime
    Path(probe.name).unlink(missing_ok=True)  # a new owner may have removed it
    return at
