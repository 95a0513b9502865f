"""TRL's checkpoints: which of them a training that was killed goes on from.

The weights must end as they would have without the kill. So a checkpoint is taken up only where it
is whole, where all that a step depends on is in it, and where it was trained on the same ids.
"""

import shutil
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rounds.files import read_json, write_json
from rounds.ids import digest

TRAINED_ON = "trained_on.json"
"""Beside the checkpoints: what they were trained on."""


def checkpoint_to_resume(
    folder: Path, args: Any, rows: Iterable[Mapping[str, Any]], processes: int, sharded: bool
) -> str | None:
    """The newest checkpoint of `folder` that leads to the weights of an uninterrupted training.

    Those that do not are removed: cut short by the kill, or trained on other ids or by another
    number of processes. There is none where checkpoints have no optimizer (`save_only_model`) or
    not the reference model that moved along (`sync_ref_model`). `sharded` are those of FSDP and
    DeepSpeed, whose optimizers lie in files of their own. Call it in one process.
    """
    trained_on = {"rows": digest(*(dict(row) for row in rows)), "processes": processes}
    written = folder / TRAINED_ON
    if not written.exists() or read_json(written) != trained_on or loses_state(args):
        shutil.rmtree(folder, ignore_errors=True)
        write_json(written, trained_on)
        return None
    steps = {int(path.name.rpartition("-")[2]): path for path in folder.glob("checkpoint-*")}
    for _, path in sorted(steps.items(), reverse=True):
        if is_whole(path, processes, sharded):
            return str(path)
        shutil.rmtree(path)
    return None


def loses_state(args: Any) -> bool:
    """Whether a step depends on what TRL does not write into its checkpoints."""
    moves = getattr(args, "sync_ref_model", False)  # not every method has a reference model
    return bool(args.save_only_model or moves)


def is_whole(checkpoint: Path, processes: int, sharded: bool) -> bool:
    """Whether a kill came after the checkpoint was written, of every process.

    trainer_state.json is the last file of the first process; the others write their generators'
    states without waiting for it. torch's files are zip archives, whose end says that they are
    whole.
    """
    try:
        read_json(checkpoint / "trainer_state.json")
    except (FileNotFoundError, ValueError):
        return False
    ranks = [f"_{rank}" for rank in range(processes)] if processes > 1 else [""]
    needed = [f"rng_state{rank}.pth" for rank in ranks]
    if not sharded:
        needed += ["optimizer.pt", "scheduler.pt"]
    archives = [*checkpoint.glob("*.pt"), *checkpoint.glob("*.pth")]
    return all((checkpoint / name).exists() for name in needed) and all(
        map(zipfile.is_zipfile, archives)
    )
