"""The rounds a user names: `3`, `2-4`, `2-`, `1,3-4`."""

import re
from pathlib import Path

from rounds.errors import UserError
from rounds.folder import finished_rounds, open_run, round_folders, round_number


def finished_named(run_dir: Path, named: str | None) -> list[Path]:
    """The folders of the finished rounds a user names, in order; all of them for None.

    Raises UserError for a run or round that is not there or not finished, and for what names none.
    """
    there = {round_number(folder): folder for folder in finished_rounds(open_run(run_dir))}
    if not there:
        raise UserError(f"{run_dir}: no round is finished yet; `prefloop run` finishes one")
    if named is None:
        return list(there.values())
    wanted: set[int] = set()
    for part in named.split(","):
        found = re.fullmatch(r"\s*(\d+)\s*(?:(-)\s*(\d*)\s*)?", part)
        if not found:
            raise UserError(f"--rounds {named}: expected numbers such as 3, 2-4, 2- or 1,3-4")
        first = int(found[1])
        last = int(found[3] or max(there)) if found[2] else first
        if last < first:
            raise UserError(f"--rounds {named}: there is no round from {first} to {last}")
        # of what lies beyond the last round its first number is enough to be named
        wanted |= {first, *range(first, min(last, max(there) + 1) + 1)}
    under_way = {round_number(folder) for folder in round_folders(run_dir)} - there.keys()
    for number in sorted(wanted - there.keys()):
        state = "is not finished" if number in under_way else "is not there"
        finished = ", ".join(map(str, there))
        raise UserError(f"{run_dir}: round {number} {state} (finished rounds: {finished})")
    return [there[number] for number in sorted(wanted)]
