"""Which process of a launch of several has died, from what torch's launcher has logged of it."""

import re
import signal
from pathlib import Path

from endpoints.children import ChildKilled
from endpoints.log_end import last_lines

ENDED = re.compile(r"rank\s*:\s*(\d+)\b.*?exitcode\s*:\s*(-?\d+)", re.S)
"""A process in the launcher's report, which names those that have failed one after the other."""


def dead_rank(log: Path, processes: int) -> ChildKilled | None:
    """The failure of a launch of which a process was ended from outside; None where none was.

    The others then fail of its absence, or are ended by the launcher (SIGTERM): they are no reason.
    """
    ended = [(int(rank), -int(code)) for rank, code in ENDED.findall("\n".join(last_lines(log)))]
    killed = [(rank, number) for rank, number in ended if number > 0 and number != signal.SIGTERM]
    if not killed:
        return None
    rank, number = killed[0]
    name = signal.Signals(number).name
    of_all = f" of {processes}" if processes > 1 else ""  # accelerate may not be told how many
    memory = " (the machine may be short of memory)" if number == signal.SIGKILL else ""
    return ChildKilled(
        f"the training's process {rank}{of_all} was ended by {name}{memory}, and the others "
        f"with it; the pairs are kept and nothing was taken over ({log})"
    )
