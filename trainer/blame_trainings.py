"""The trainings of `prefloop blame`, in child processes: each done once, whatever is killed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from endpoints.child_main import progress_reader
from endpoints.children import run_child
from rounds.files import read_json, remove, write_json
from rounds.folder import run_of
from rounds.ids import digest
from rounds.stages import Progress, silent
from trainer.blame_effects import Margins
from trainer.config import TrainerConfig
from trainer.stage import launcher

CHILD = "trainer.blame_child"


class Training(NamedTuple):
    """The pairs to train on, by pair_id, and what that is for."""

    pairs: list[str]
    note: str


def margins_after(
    trainings: Sequence[Training],
    job: Mapping[str, Any],
    work: Path,
    config: TrainerConfig,
    progress: Progress = silent,
) -> list[Margins]:
    """The margins of the held-out pairs after each training, in their order.

    `job` is that of trainer.blame_child without its trainings. A training that is done lies in
    `work`, below the hash of all that it follows from; what lies there of another job goes. The
    others run in one process, or with `accelerate` in processes of their own for each.
    """
    place = work / digest(job)
    for other in work.glob("*"):
        if other != place:
            remove(other)
    outs = [place / f"{digest(sorted(one.pairs))}.json" for one in trainings]
    left = [number for number, out in enumerate(outs) if not out.exists()]
    left = [number for number in left if outs.index(outs[number]) == number]
    steps, distinct = int(job["args"]["max_steps"]), len(set(outs))

    def shown(done: int, total: int, note: str = "") -> None:
        at = next((number for number in left if not outs[number].exists()), None)
        ready = sum(out.exists() for out in set(outs))
        said = "" if at is None else f"{ready + 1} of {distinct}: {trainings[at].note}"
        progress(min(ready * steps + done, distinct * steps), distinct * steps, said)

    folder = Path(job["round_dir"])
    log = run_of(folder) / "logs" / f"{folder.name}-blame.log"
    alone = config.accelerate is None and config.ray is None
    groups = [left] if alone else [[number] for number in left]
    for group in filter(None, groups):
        todo = [{"pairs": trainings[n].pairs, "out": str(outs[n])} for n in group]
        told = place / "job.json"
        write_json(told, {**job, "trainings": todo, "before": str(place / "before.json")})
        shown(0, steps)
        run_child(CHILD, told, log, progress_reader(shown), launcher(config))
    return [read_json(out) for out in outs]
