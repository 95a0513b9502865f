"""Running one stage by hand: `python -m judge runs/demo/rounds/0002`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from prefloop import foreign_package
from rounds.ending import as_by_hand, ended_by, exit_status
from rounds.errors import UserError, Waiting, WorkFailed
from rounds.files import read_json
from rounds.folder import (
    WRITTEN_ANEW,
    open_run,
    read_manifest,
    read_round_start,
    run_config,
    run_of,
)
from rounds.home import usable_home
from rounds.lock import run_lock
from rounds.stopped import noting_stops

STAGE_OF = {"sampler": "sample", "trainer": "train"}
"""The stages that are called otherwise than their packages."""

Stage = Callable[[Path, dict[str, Any]], Any]


EXPECTED = "expected one argument: a round folder, such as runs/demo/rounds/0002"


def by_hand(stage: Stage) -> None:
    """Call `stage(round folder, run.yaml as a tree)` for the folder on the command line.

    With --help it says what the stage does. Exits with 2 and one message where the folder is not a
    round under way, with 1 where the work failed, with 3 where it waits for people.
    """
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(_usage(stage))
        return
    try:
        with as_by_hand():
            _run(stage)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except Waiting as error:
        print(f"waiting: {error}; {error.then} to continue", file=sys.stderr)
        sys.exit(3)
    except WorkFailed as error:
        print(f"failed: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        again = "run the same command again to continue"
        print(f"stopped by {ended_by()}; {again}", file=sys.stderr)
        sys.exit(exit_status())


def _run(stage: Stage) -> None:
    try:
        if fault := foreign_package():
            raise UserError(fault)
        if len(sys.argv) != 2:
            raise UserError(EXPECTED)
        folder = Path(sys.argv[1]).resolve()
        run_dir = open_run(run_of(folder))
        if read_manifest(folder) is not None:
            raise UserError(f"{folder}: this round is finished; its tables do not change any more")
        read_round_start(folder)
        tree = run_config(run_dir)
        if moved := usable_home(run_dir.parent):
            print(moved, file=sys.stderr)
        name = Path(sys.argv[0]).parent.name
        with run_lock(run_dir), noting_stops(folder, STAGE_OF.get(name, name)):
            print(stage(folder, tree))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        fault = f"{run_dir / 'run.yaml'}: {error.title}: {where}: {first['msg']}; {WRITTEN_ANEW}"
        raise UserError(fault) from error


def _usage(stage: Stage) -> str:
    """What a stage's module says of itself, and what it is given."""
    module = sys.modules[stage.__module__]
    example, _, does = (module.__doc__ or "").strip().partition(": ")
    package = example.strip("`").split()[2]
    return (
        f"usage: python -P -m {package} ROUND\n\n{does[:1].upper()}{does[1:]}\n\n"
        "ROUND is the folder of a round under way, such as runs/demo/rounds/0002. The config is "
        "the\nrun's run.yaml; paths in it start from the current folder. With -P Python takes "
        "nothing in the\ncurrent folder for a module of its own."
    )


def show_progress(done: int, total: int, note: str = "") -> None:
    """Progress as one line that is written over."""
    counts = f"{done}/{total}" if total else ""
    print(f"\r{counts} {note:<40}", end="\n" if total and done == total else "", file=sys.stderr)


def trained_policy(folder: Path) -> dict[str, Any]:
    """What the train stage of a round under way left: the new policy's facts."""
    path = folder / "work" / "trained.json"
    if not path.exists():
        raise UserError(f"{folder}: no policy was trained yet; run `python -m trainer` first")
    facts: dict[str, Any] = read_json(path)
    return facts
