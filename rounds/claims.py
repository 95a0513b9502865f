"""The claims on a run folder: who works on it, one small file for each that ever did.

    .lease/00000007.json         {"token": 7, "host": "gpu-2", "pid": 4711, "beat": 12, ...}
    .lease/00000007-0002.json    what the owner of 7 lent to a process elsewhere (rounds/lent.py)

The claim with the highest number is the lease, its number the fencing token. To make the next file
is the one atomic step (O_EXCL, which NFS knows since version 3): of two that try, one fails. Only
its owner writes a claim after that, in place and closed each time, so that other hosts see it. A
lent claim is good while its file is there and the one it was lent under is the lease.
"""

import fcntl
import json
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = ".lease"
ENDING = ".json"
BEATS = 24
"""In the length of a lease; who gave a sign of life within three of them is at work."""
RUNS = ("flow_runs", "left")
PADDED = 1024
"""Bytes of a claim: written over in place, a shorter one leaves nothing of a longer one."""


class Claim(NamedTuple):
    """What a claim says. What another version wrote in it, or nobody yet, has these values."""

    token: int
    host: str = ""
    boot: str = ""
    """Which start of that host's kernel."""
    pid: int = 0
    begun: int = 0
    """When that process began, in ticks since the kernel's start: ids are given anew."""
    lease: float = 120.0
    """Seconds without a beat after which another may take the run over."""
    beat: int = 0
    released: bool = False
    contested: bool = False
    """It was taken from one that may still live, and that one is not yet kept from writing."""
    flow_runs: tuple[str, ...] = ()
    """Prefect's ids of what it runs, outermost first."""
    left: tuple[str, ...] = ()
    """Those of dead owners, which Prefect may still take for running."""
    inode: int = 0
    """Of its file: in a copy of the run folder it is another."""
    lending: int = 0
    """How often it was lent."""
    lent: int = 0
    """Which of those that were lent under the token it is; 0 is the owner's own."""
    at: float = 0.0
    """When it was last written, by the clock of the folder (that of the file server)."""

    @property
    def who(self) -> str:
        """The process, as a person is told."""
        if not self.pid:
            return "unknown"
        return str(self.pid) if self.host == socket.gethostname() else f"{self.pid} on {self.host}"


def claim_of_this_process(token: int, file: int, **facts: Any) -> Claim:
    """A claim with all that tells this process from others, and its file from copies."""
    pid, inode = os.getpid(), os.fstat(file).st_ino
    return Claim(token, socket.gethostname(), boot_of_host(), pid, begun(pid), **facts, inode=inode)


def newest(run_dir: Path) -> int:
    """The token of the lease; 0 where nobody ever claimed the run.

    Opening the folder is what makes an NFS client ask the server for it; a look for one name might
    be answered from what the client remembers.
    """
    try:
        names = os.listdir(run_dir / FOLDER)
    except FileNotFoundError:
        return 0
    return max((token_in(name) for name in names), default=0)


def holds(run_dir: Path, token: int, lent: int = 0) -> bool:
    """Whether a claim is still good."""
    if not lent:
        return newest(run_dir) == token
    try:
        names = os.listdir(run_dir / FOLDER)
    except FileNotFoundError:
        return False
    path = claim_path(run_dir, token, lent)
    return path.name in names and max(map(token_in, names)) == token


def token_in(name: str) -> int:
    """The token of an owner's claim by its file name; 0 for what is none."""
    token, lent = numbers_in(name)
    return 0 if lent else token


def numbers_in(name: str) -> tuple[int, int]:
    """The token of a claim by its file name, and which of the lent ones it is; zeros for none."""
    stem, ending = os.path.splitext(name)
    token, dash, lent = stem.partition("-")
    if ending != ENDING or not token.isdigit() or (dash and not lent.isdigit()):
        return 0, 0
    return int(token), int(lent or 0)


def claim_path(run_dir: Path, token: int, lent: int = 0) -> Path:
    """The file of a claim."""
    return run_dir / FOLDER / f"{token:08d}{f'-{lent:04d}' if lent else ''}{ENDING}"


def read_claim(run_dir: Path, token: int, lent: int = 0) -> Claim:
    """A claim as it is now; bare where it is gone or not yet written."""
    try:
        with claim_path(run_dir, token, lent).open(encoding="utf-8") as file:
            text, stat = file.read(), os.fstat(file.fileno())
    except OSError:
        return Claim(token, lent=lent)
    try:
        facts = json.loads(text)
        known = {name: value for name, value in facts.items() if name in Claim._fields}
        # the flow runs of a copied claim are those of the run that was copied
        own = known.get("inode") == stat.st_ino
        runs = {name: tuple(known.get(name) or ()) if own else () for name in RUNS}
        return Claim(**{**known, **runs, "token": token, "lent": lent, "at": stat.st_mtime})
    except (ValueError, AttributeError, TypeError):
        return Claim(token, lent=lent, at=stat.st_mtime)


def make_claim(run_dir: Path, token: int) -> int | None:
    """Make a claim's file and lock it; the open file, or None where another was faster.

    The lock tells others on this host that the process is gone, however it ends; no child has it.
    """
    try:
        path = claim_path(run_dir, token)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return None
    with suppress(OSError):  # a file system without locks: the beats alone tell
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def write_claim(run_dir: Path, claim: Claim) -> None:
    """Write the claim over, where it is still there."""
    facts = {name: value for name, value in claim._asdict().items() if name != "at"}
    text = json.dumps(facts).ljust(PADDED - 1) + "\n"
    file = os.open(claim_path(run_dir, claim.token, claim.lent), os.O_WRONLY)
    try:
        os.pwrite(file, text.encode(), 0)
    finally:
        os.close(file)


def remove_claims(run_dir: Path, before: int) -> None:
    """Remove the claims below a token, and those lent under them."""
    for name in os.listdir(run_dir / FOLDER):
        if 0 < numbers_in(name)[0] < before:
            (run_dir / FOLDER / name).unlink(missing_ok=True)


def boot_of_host() -> str:
    """Which start of its kernel this host is at; empty where it does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def begun(pid: int) -> int:
    """When a process began; -1 where there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return -1
    state, *rest = stat.rpartition(")")[2].split()
    return -1 if state == "Z" else int(rest[18])
