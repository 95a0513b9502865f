"""Launches a training over hosts: `trainer.ray_launch SETTINGS SCRIPT MODULE job.json`.

What `accelerate launch` is on one machine, Ray Train is on a cluster: it starts the script once a
rank, in a process that knows its place (RANK, WORLD_SIZE, MASTER_ADDR) and has a process group, and
begins anew, from the last checkpoint, where a worker or its node is lost. SETTINGS is the JSON of
`trainer.ray`. This process is the driver: when it ends, however it ends, Ray ends its workers.
"""

import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

os.environ["RAY_TRAIN_METRICS_ENABLED"] = "0"  # nobody here collects them
os.environ["RAY_TRAIN_ENABLE_PRINT_PATCH"] = "0"  # it would log every line twice

from endpoints.child_main import ERROR, child_main, say
from endpoints.children import ENVIRONMENT
from endpoints.ray_config import RayConfig
from endpoints.ray_driver import connected
from rounds import fence
from rounds.errors import UserError
from rounds.files import read_json
from rounds.weights import weights_hash
from trainer.ray_inputs import inputs_of
from trainer.ray_worker import WHERE, work

RESTARTS = 3
"""How often a command begins anew from the last checkpoint after workers were lost."""
WAITS = 30
"""How many times Ray Train waits (a minute each) for room that a lost node has taken away."""
LOOKS, LONGEST = 0.5, 30.0
"""Seconds between two looks at what rank 0 has said, and that one may take."""


def launch(settings: dict[str, Any], script: list[str], job_path: Path) -> None:
    """Run the script, with its arguments and the job, to its end in every worker.

    Raises UserError for what a worker's training cannot be begun with, or ended with.
    """
    config, job = RayConfig(**settings), read_json(job_path)
    storage = job_path.resolve().parent / "ray"
    shutil.rmtree(storage, ignore_errors=True)
    storage.mkdir()
    try:
        with connected(config, WHERE), lines_shown() as lines:
            told = {
                "argv": [*script, str(job_path)],
                "folder": os.getcwd(),
                "storage": str(storage),
                "inputs": inputs_of(job_path, job),
                "out": job.get("out"),
                "lines": lines,
            }
            written = _fit(config, told, storage)
    finally:
        shutil.rmtree(storage, ignore_errors=True)
    if written is not None and (found := weights_hash(Path(job["out"]))) != written:
        (job_path.parent / "training.json").unlink(missing_ok=True)  # the next command looks again
        raise UserError(
            f"{WHERE}: {job['out']}: the worker of rank 0 has written weights with the hash "
            f"{written}, and here they have {found}: the run's folder is not the same on its node "
            "and here; put it on storage that all share"
        )


def _fit(config: RayConfig, told: dict[str, Any], storage: Path) -> str | None:
    """The hash of the weights that rank 0 has written, where the job writes any."""
    from ray.train import (
        FailureConfig,
        RunConfig,
        ScalingConfig,
        TrainingFailedError,
        UserCallback,
    )
    from ray.train.torch import TorchTrainer
    from ray.train.v2._internal.callbacks.placement_group_callback import (
        PlacementGroupCleanerCallback,
    )

    class EndsAtOnce(UserCallback):
        """What the training itself refuses is not tried again: an error here ends Ray Train."""

        def after_exception(self, run_context: Any, worker_exceptions: dict[int, Any]) -> None:
            for error in worker_exceptions.values():
                said = str(getattr(error, "_base_exc", error))
                if said.startswith(ERROR):
                    raise RuntimeError(said)

    class Trainer(TorchTrainer):
        """Without the detached actor that outlives a driver that was killed, for ever where the
        cluster has no dashboard: what this driver began ends with it as it is.
        """

        def _create_default_callbacks(self) -> list[Any]:
            every = super()._create_default_callbacks()
            return [one for one in every if not isinstance(one, PlacementGroupCleanerCallback)]

    trainer = Trainer(
        work,
        train_loop_config=told,
        scaling_config=ScalingConfig(
            num_workers=config.workers,
            use_gpu="GPU" in config.resources,
            resources_per_worker={"CPU": 0, **config.resources},
        ),
        run_config=RunConfig(
            name="run",
            storage_path=str(storage),
            failure_config=FailureConfig(max_failures=RESTARTS, controller_failure_limit=WAITS),
            callbacks=[EndsAtOnce()],
            worker_runtime_env={"env_vars": _environment()},
        ),
    )
    try:
        return trainer.fit().return_value
    except TrainingFailedError as failed:
        said = str(getattr(failed, "controller_failure", ""))
        if ERROR in said:
            raise UserError(said.partition(ERROR)[2].splitlines()[0]) from failed
        raise


def _environment() -> dict[str, str]:
    """What every child of ours is given, and the lease under which it writes."""
    names = (*ENVIRONMENT, fence.ENVIRONMENT)
    return {name: os.environ[name] for name in names if name in os.environ}


@contextmanager
def lines_shown() -> Iterator[Any]:
    """An actor to which rank 0 says its lines of progress, which this process then prints."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    class Lines:
        """What was said since it was last taken."""

        def __init__(self) -> None:
            self._said: list[str] = []

        def say(self, line: str) -> None:
            self._said.append(line)

        def take(self) -> list[str]:
            said, self._said = self._said, []
            return said

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    lines = ray.remote(num_cpus=0)(Lines).options(scheduling_strategy=here).remote()
    over = threading.Event()

    def show() -> None:
        last = False
        while not last:
            last = over.wait(LOOKS)
            try:
                said = ray.get(lines.take.remote(), timeout=LONGEST)
            except ray.exceptions.RayError:
                return  # no training is ended for its progress
            for line in said:
                say(line)

    shown = threading.Thread(target=show, daemon=True)
    shown.start()
    try:
        yield lines
    finally:
        over.set()
        shown.join()


if __name__ == "__main__":
    given, *command, told = sys.argv[1:]
    sys.argv[1:] = [told]
    child_main(partial(launch, json.loads(given), command))
