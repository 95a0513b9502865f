"""The lease that a process holds on a run: its heartbeat, and what happens when it is lost."""

import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from rounds.claims import BEATS, Claim, holds, write_claim

LETS_GO = 5.0
"""Seconds that one who lost its lease has to come to its end, until it is interrupted."""


class Lease:
    """The lease that this process holds."""

    def __init__(self, run_dir: Path, claim: Claim) -> None:
        self.run_dir, self.claim = run_dir, claim
        self._ended = threading.Event()
        self._writing = threading.Lock()
        self._beating = threading.Thread(target=self._beat, name="prefloop lease", daemon=True)
        self._beating.start()

    def holds(self) -> bool:
        """Whether it is still this process's."""
        return holds(self.run_dir, self.claim.token, self.claim.lent)

    def note(self, **facts: Any) -> None:
        """Write facts of the claim down: those of `rounds.claims.Claim`."""
        with self._writing:
            self.claim = self.claim._replace(**facts)
            write_claim(self.run_dir, self.claim)

    def end(self) -> None:
        """Stop beating, and let go of the run unless it was taken over."""
        self._ended.set()
        self._beating.join(LETS_GO)
        with suppress(OSError):  # the lease then ends by itself
            if self.holds():
                self.note(released=True)

    def _beat(self) -> None:
        while not self._ended.wait(self.claim.lease / BEATS):
            with suppress(OSError):  # storage that is away for a while
                if not self.holds():
                    self._lose()
                    return
                self.note(beat=self.claim.beat + 1)

    def _lose(self) -> None:
        """Have the process end. Most work ends by itself, for each thing that it writes and each
        request that it looks up is refused; what only waits is interrupted, as by Ctrl-C, and what
        then waits for open calls, whose answers it could not keep, once more.
        """
        main = threading.main_thread().ident
        for _ in range(2):
            if not self._ended.wait(LETS_GO) and main and callable(signal.getsignal(signal.SIGINT)):
                signal.pthread_kill(main, signal.SIGINT)
