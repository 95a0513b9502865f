"""Servers on this machine that a run starts for itself: their ports, and when they answer."""

import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from subprocess import Popen

from endpoints.children import ChildFailed, ChildKilled, ended_by
from endpoints.log_end import says_disk_full, tail
from rounds.disk import DiskFull
from rounds.stages import Progress, silent


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_healthy(
    process: "Popen[bytes]",
    url: str,
    log: Path,
    what: str,
    seconds: int,
    progress: Progress = silent,
) -> None:
    """Wait until `url` answers with status 200.

    `what` names the server in messages. Raises ChildFailed when its process ends, with the end of
    its log, and when it has not answered after so many seconds.
    """
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine
    started = time.monotonic()
    while (waited := time.monotonic() - started) < seconds:
        if (status := process.poll()) is not None:
            if says_disk_full(log):
                raise DiskFull(log.parent, f"{what} could not write")
            kind = ChildKilled if ended_by(status) else ChildFailed
            raise kind(f"{what} did not start; {log} ends with:\n{tail(log)}")
        try:
            with straight.open(url, timeout=2) as reply:
                if reply.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        progress(0, 0, f"starting {what}, {waited:.0f} s")
        time.sleep(0.2)
    raise ChildFailed(f"{what} was not healthy after {seconds} s; see {log}")
