"""How long a stage has worked: the seconds of this attempt and of those that came to nothing."""

import time
from pathlib import Path
from typing import Any

from rounds.files import write_json
from rounds.seal import read_whole


class Attempts:
    """The attempts at a stage on one key, the running one among them.

    They are kept in the round's work folder, so that what a kill ends is counted as well: up to the
    last file that its stage wrote, or the last note of its progress.
    """

    def __init__(self, folder: Path, stage: str, key: str) -> None:
        self._work, self._stage, self._key = folder / "work", stage, key
        self.seconds = 0.0
        self.startup: dict[str, float] = {}
        before = read_whole(self._path)
        if before is not None and before.get("of") == key:
            self.seconds, self.startup = before["seconds"], before["startup"]
            if before["since"] is not None:
                self.seconds += max(0.0, self._last_sign() - before["since"])
        self._since: float | None = time.time()
        self._started, self._waited = time.monotonic(), 0.0
        self._keep()

    def count_startup(self, what: str, seconds: float) -> None:
        """Seconds of the running attempt that were no work."""
        self.startup[what] = self.startup.get(what, 0) + seconds
        self._waited += seconds
        self._keep()

    def end(self) -> None:
        """The running attempt is over."""
        self.seconds += max(0.0, time.monotonic() - self._started - self._waited)
        self._since = None
        self._keep()

    def forget(self) -> None:
        """The stage is done."""
        self._path.unlink(missing_ok=True)

    @property
    def _path(self) -> Path:
        return self._work / f"{self._stage}.attempts"

    def _keep(self) -> None:
        since = None if self._since is None else self._since + self._waited
        facts: dict[str, Any] = {"of": self._key, "seconds": self.seconds, "since": since}
        write_json(self._path, facts | {"startup": self.startup}, durable=False)

    def _last_sign(self) -> float:
        """When the attempt that was killed last wrote anything."""
        paths = [*self._work.glob(f"{self._stage}-{self._key}*/**/*"), self._work / "progress.json"]
        return max((path.stat().st_mtime for path in paths if path.exists()), default=0.0)
