"""What the owner of a run lends to a process elsewhere that is to do a stage of it: a claim under
its own, good while both are.

    .lease/00000007-0002.json    the second that the owner of token 7 has lent

The borrower beats as an owner does and is fenced as one is (`rounds.fence`): when its claim is
taken back, or the lender's is no longer the newest, it writes nothing. So of two processes that
were sent the same stage only the last can write. A claim is lent to one process only.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

from rounds import claims
from rounds.at_work import is_over
from rounds.claims import Claim, claim_of_this_process, claim_path, numbers_in, read_claim
from rounds.errors import LeaseLost, UserError
from rounds.fence import fenced, lease_lost
from rounds.lease import Lease
from rounds.takeover import remove_temporaries, replace_databases

CHILDREN_END = 5.0
"""Seconds in which the children of one that was only stopped end, and free the GPU: their
supervisors look each second."""


def lend(lease: Lease) -> str:
    """Lend what this process holds once more; the name of the claim, for who is to borrow it.

    What was lent before is good no more, and who borrowed it is kept from writing.
    """
    if not lease.holds():
        raise lease_lost(lease.run_dir)
    number = lease.claim.lending + 1
    take_back(lease)
    keep_out(lease)
    lease.note(lending=number)
    path = claim_path(lease.run_dir, lease.claim.token, number)
    path.touch()
    return path.name


def take_back(lease: Lease) -> None:
    """What is lent under this lease is good no more. Where a borrower may still be at work, that is
    noted: whoever writes next keeps it out first.
    """
    for number in _lent(lease.run_dir, lease.claim.token):
        claim = read_claim(lease.run_dir, lease.claim.token, number)
        if claim.pid and not is_over(lease.run_dir, claim):
            with suppress(FileNotFoundError):  # one who has taken the run over has removed it
                lease.note(contested=True)
        claim_path(lease.run_dir, lease.claim.token, number).unlink(missing_ok=True)


def keep_out(lease: Lease) -> None:
    """Keep those before from writing, and note that they are."""
    remove_temporaries(lease.run_dir)
    if lease.claim.contested:
        replace_databases(lease.run_dir)
        sleep(min(CHILDREN_END, lease.claim.lease))
        lease.note(contested=False)


def lent_to_others(run_dir: Path, token: int) -> bool:
    """Whether one who borrowed under a token may still be at work."""
    every = [read_claim(run_dir, token, number) for number in _lent(run_dir, token)]
    return any(claim.pid and not is_over(run_dir, claim) for claim in every)


@contextmanager
def borrowed(run_dir: Path, name: str, seconds: float) -> Iterator[Lease]:
    """Work under a claim that was lent, with a lease of `seconds`.

    Raises UserError where the claim cannot be seen from here, and LeaseLost where it is good no
    more, before the block or in it.
    """
    run_dir = run_dir.resolve()
    token, lent = numbers_in(name)
    path = claim_path(run_dir, token, lent)
    if not (run_dir / claims.FOLDER).is_dir():
        raise UserError(
            f"{run_dir}: is no run on {os.uname().nodename}, so no stage of it can be done here; "
            "the workers of both pools must see the runs under the same path (--runs-dir)"
        )
    if not claims.holds(run_dir, token, lent):
        raise lease_lost(run_dir, token)
    file = os.open(path, os.O_RDWR)
    try:
        free = _lock(file)  # before it is read: of two that begin at once one has it
        before = read_claim(run_dir, token, lent)
        if before.pid or not free:
            raise LeaseLost(f"{path}: was lent to process {before.who}, which has begun already")
        claim = claim_of_this_process(token, file, lease=seconds, lent=lent)
        claims.write_claim(run_dir, claim)
        lease = Lease(run_dir, claim)
        try:
            with fenced(run_dir, token, lent):
                yield lease
        except LeaseLost:
            raise
        except (Exception, KeyboardInterrupt) as error:
            if not lease.holds():  # whatever else it looks like: children ended, Ctrl-C
                raise lease_lost(run_dir, token) from error
            raise
        finally:
            lease.end()
    finally:
        os.close(file)


def _lock(file: int) -> bool:
    """Lock the file of a claim, until it is closed; False where another process has."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: the beats alone tell
        pass
    return True


class Borrower:
    """Who has borrowed a claim, seen by the lender: by a clock of its own, as of any owner."""

    def __init__(self, lease: Lease, name: str) -> None:
        self._run_dir, self._numbers = lease.run_dir, numbers_in(name)
        self._seen, self._at = self._read(), monotonic()

    def is_gone(self, runs: bool = False) -> bool:
        """Whether it began, by its claim or by what is known otherwise (`runs`), and is known to be
        gone or gave no sign of life for its lease.
        """
        now = self._read()
        if (now.pid, now.beat) != (self._seen.pid, self._seen.beat) or not (now.pid or runs):
            self._seen, self._at = now, monotonic()
        over = now.pid and is_over(self._run_dir, now)
        return bool(over) or monotonic() - self._at > now.lease

    @property
    def who(self) -> str:
        """The process, as a person is told."""
        return self._seen.who

    def _read(self) -> Claim:
        return read_claim(self._run_dir, *self._numbers)


def _lent(run_dir: Path, token: int) -> list[int]:
    """The numbers of what is lent under a token."""
    try:
        every = map(numbers_in, os.listdir(run_dir / claims.FOLDER))
    except FileNotFoundError:
        return []
    return sorted(lent for owner, lent in every if lent and owner == token)
