"""A round whose power fails at any moment: python benchmarks/crash_consistency.py [--step N]

What a round does to its files is recorded: what was waited for (fsync of a file or a folder) and
what gets a name. At every STEP-th of these moments the disk is imagined as it may be after a loss
of power:

    lost   nothing is there but what was waited for: contents, and names in their folders
    empty  every name is there, and what was not waited for is empty
    half   every name is there, and what was not waited for is cut in half

From each of them the round is run to its end. It must end with the tables of the calm run, or be
refused with a message that names a file of the run.

This is a model: SQLite waits for its files itself, which is not seen here. So the journal is taken
as it was when prefloop last waited for it, and whole when nobody has it open. The lease, which ends
with the machine, is left out.
"""

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from scripted_rounds import (
    NAME,
    REFUSED,
    ended,
    endpoint,
    fork,
    run_rounds,
    strays,
    tables_of,
    write_config,
)

from endpoints.journal import JOURNAL
from flows.config import Config
from rounds.claims import FOLDER as CLAIMS
from rounds.folder import JOURNAL_LOG

Tree = dict[str, bytes | None]
"""Files by their paths in the run folder, with their bytes; None is a folder."""

LEFT_OUT = (JOURNAL, JOURNAL_LOG, f"{JOURNAL}-shm", CLAIMS)


class Disk:
    """What a disk holds for certain: contents by inode, names by folder."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._contents: dict[int, bytes] = {}
        self._names: dict[int, dict[str, tuple[int, bool]]] = {}
        self._journal: Tree = {}

    def waited_for(self, opened: int) -> None:
        """An fsync of a file or a folder of the run."""
        path = Path(os.readlink(f"/proc/self/fd/{opened}"))
        if path == self._run_dir / JOURNAL_LOG:
            self._journal = self._journal_now()
        elif path.is_dir():
            entries = [(entry, entry.stat()) for entry in os.scandir(path)]
            names = {entry.name: (stat.st_ino, entry.is_dir()) for entry, stat in entries}
            self._names[path.stat().st_ino] = names
        else:
            self._contents[path.stat().st_ino] = path.read_bytes()

    def states(self) -> Iterator[tuple[str, Tree]]:
        """The ways in which the disk may be found."""
        journal = self._journal if (self._run_dir / JOURNAL_LOG).exists() else self._journal_now()
        if self._run_dir.exists():
            yield "lost", dict(self._certain("", self._run_dir.stat().st_ino)) | journal
            for name, share in (("empty", 0.0), ("half", 0.5)):
                yield name, dict(self._hurried(share)) | journal

    def _certain(self, above: str, folder: int) -> Iterator[tuple[str, bytes | None]]:
        for name, (inode, is_folder) in self._names.get(folder, {}).items():
            if name in LEFT_OUT:
                continue
            if is_folder:
                yield f"{above}{name}", None
                yield from self._certain(f"{above}{name}/", inode)
            else:
                yield f"{above}{name}", self._contents.get(inode, b"")

    def _hurried(self, share: float) -> Iterator[tuple[str, bytes | None]]:
        for path in sorted(self._run_dir.rglob("*")):
            name = str(path.relative_to(self._run_dir))
            if name.partition("/")[0] in LEFT_OUT:
                continue
            if path.is_dir():
                yield name, None
            else:
                data = path.read_bytes()
                certain = self._contents.get(path.stat().st_ino) == data
                yield name, data if certain else data[: int(len(data) * share)]

    def _journal_now(self) -> Tree:
        paths = [self._run_dir / JOURNAL, self._run_dir / JOURNAL_LOG]
        return {path.name: path.read_bytes() for path in paths if path.exists()}


def record(run_dir: Path, into: Path, step: int) -> None:
    """Have this process write down the disk's states before what it does, each but once."""
    disk, seen, moments = Disk(run_dir), set[str](), 0

    def moment() -> None:
        nonlocal moments
        moments += 1
        if moments % step:
            return
        for name, tree in disk.states():
            parts = [f"{path}\0{data!r}".encode() for path, data in sorted(tree.items())]
            key = hashlib.sha256(b"\0".join(parts)).hexdigest()
            if key not in seen:
                seen.add(key)
                write_tree(into / f"{moments:05d}-{name}" / NAME, tree)

    def before(change: Callable[..., object]) -> Callable[..., object]:
        def changed(*given: object, **named: object) -> object:
            moment()
            return change(*given, **named)

        return changed

    real_fsync = os.fsync

    def fsync(opened: int) -> None:
        moment()
        real_fsync(opened)
        if str(os.readlink(f"/proc/self/fd/{opened}")).startswith(str(run_dir)):
            disk.waited_for(opened)

    os.fsync = fsync
    os.replace = before(os.replace)  # type: ignore[assignment]
    os.rename = before(os.rename)  # type: ignore[assignment]
    os.mkdir = before(os.mkdir)  # type: ignore[assignment]


def write_tree(folder: Path, tree: Tree) -> None:
    """Lay a state of the disk out."""
    folder.mkdir(parents=True)
    for name, data in tree.items():
        if data is None:
            (folder / name).mkdir(parents=True, exist_ok=True)
    for name, data in tree.items():
        if data is not None:
            (folder / name).write_bytes(data)


def outcome(config: Config, runs_dir: Path, calm: Path) -> str:
    """What becomes of a state: the same tables, or a refusal by name; SystemExit for all else."""
    said = runs_dir.with_suffix(".said")
    status = ended(fork(lambda: run_rounds(config, runs_dir, 1), said))
    text = said.read_text()
    if status == REFUSED and str(runs_dir) in text:
        return "refused by name"
    if status or tables_of(runs_dir / NAME) != tables_of(calm) or strays(runs_dir / NAME):
        raise SystemExit(f"{runs_dir.name}: ended with {status}:\n{text[-3000:]}")
    return "went on to the same tables"


def main() -> None:
    """Record a round, cut it everywhere, and say what becomes of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="crash-") as scratch:
        folder, found = Path(scratch), Counter[str]()
        with endpoint(folder) as (url, _):
            config = write_config(folder, url)
            calm, cuts = folder / "calm", folder / "cuts"
            cuts.mkdir()

            def recorded() -> None:
                record(calm / NAME, cuts, given.step)
                run_rounds(config, calm, 1)

            if status := ended(fork(recorded, folder / "calm.said")):
                said = (folder / "calm.said").read_text()
                raise SystemExit(f"the calm run ended with {status}:\n{said[-3000:]}")
            states = sorted(cuts.iterdir())
            for number, cut in enumerate(states):
                if number % 50 == 0:
                    print(f"{number} of {len(states)} states", file=sys.stderr, flush=True)
                found[f"{cut.name.partition('-')[2]}: {outcome(config, cut, calm / NAME)}"] += 1
                shutil.rmtree(cut)
    for what, count in sorted(found.items()):
        print(f"{count:>5}  {what}")


if __name__ == "__main__":
    main()
