"""How much of a sending or a fetching is done."""

from collections.abc import Iterable

from rounds.mirror.files import Entry
from rounds.stages import Progress

MB = 10**6


class Meter:
    """Bytes of all that is wanted, shown as a progress in MB."""

    def __init__(self, progress: Progress, wanted: Iterable[Entry], note: str) -> None:
        self._progress, self._note, self._done = progress, note, 0
        self._total = sum(entry["size"] for entry in wanted)

    def moved(self, size: int) -> None:
        """So many bytes more have been moved, or need not be; less where it was for nothing."""
        self._done += size
        total = -(-self._total // MB)
        done = total if self._done >= self._total else self._done // MB
        self._progress(done, total, self._note)
