"""A round beside itself: its tables under links, so that a stage run on it leaves it as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rounds.folder import (
    earlier_rounds,
    read_round_start,
    round_dir,
    round_number,
    run_of,
    write_round_start,
)
from rounds.rows import CANDIDATES, PROMPTS, VERDICTS
from rounds.tables import table_path

STARTS_FROM = ("policy", "initial", "seed", "control_tokens", "near_held_out")
"""What the pairs stage reads of a round's start."""


@contextmanager
def copied_round(folder: Path) -> Iterator[Path]:
    """The folder of a round under way that has what `folder` has before its pairs are made.

    Of the run it has the earlier rounds and their index. Whatever is written there is its own:
    files are renamed into place, over a link and not through it.
    """
    run_dir, number = run_of(folder).resolve(), round_number(folder)
    with TemporaryDirectory(prefix="prefloop-whatif-") as scratch:
        copy = round_dir(Path(scratch) / run_dir.name, number)
        copy.mkdir(parents=True)
        for table in (PROMPTS, CANDIDATES, VERDICTS):
            table_path(copy, table).symlink_to(table_path(folder, table).resolve())
        index = run_of(copy) / "index"
        index.mkdir()
        for earlier in earlier_rounds(folder):
            (copy.parent / earlier.name).symlink_to(earlier.resolve())
            for file in (run_dir / "index").glob(f"{round_number(earlier):04d}.*"):
                (index / file.name).symlink_to(file)
        start = read_round_start(folder)
        write_round_start(copy, {name: start[name] for name in STARTS_FROM if name in start})
        yield copy
