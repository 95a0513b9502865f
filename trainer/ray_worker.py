"""What Ray Train runs in each of its workers: a script, as a launcher on one machine would."""

import os
import runpy
import socket
import sys
from pathlib import Path
from typing import Any

from endpoints.child_main import ERROR
from trainer.ray_inputs import missing_here

WHERE = "trainer.ray"


def work(told: dict[str, Any]) -> str | None:
    """Run the script of `told` as this worker's rank; the hash of the weights that it wrote to
    `out`, on rank 0.

    Raises RuntimeError whose text begins with ERROR for what trying again does not help.
    """
    if os.path.isdir(told["folder"]):
        os.chdir(told["folder"])  # relative paths mean what they mean there
    rank = int(os.environ["RANK"])
    if faults := _of_all(_faults(told)):
        raise RuntimeError(f"{ERROR}{WHERE}: {'; '.join(faults)}")
    said = Said(told["lines"] if rank == 0 else None)
    sys.__stdout__ = said  # type: ignore[misc, assignment]
    sys.argv = list(told["argv"])
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise RuntimeError(said.last or f"{told['argv'][1]} ended with {end.code}") from None
    if rank or told["out"] is None:
        return None
    from rounds.weights import weights_hash

    return weights_hash(Path(told["out"]))


class Said:
    """In the place of a worker's stdout: its last line, and all of rank 0's for the driver."""

    def __init__(self, lines: Any) -> None:
        self.last = ""
        self._lines = lines

    def write(self, text: str) -> int:
        for line in filter(None, text.splitlines()):
            self.last = line
            if self._lines is not None:
                self._lines.say.remote(line)
        return len(text)

    def flush(self) -> None:
        pass


def _faults(told: dict[str, Any]) -> list[str]:
    """What this worker's node lacks, where this is its first worker."""
    if os.environ["LOCAL_RANK"] != "0":
        return []
    import ray

    node = f"node {ray.util.get_node_ip_address()} ({socket.gethostname()})"
    return [f"{node}: {fault}" for fault in missing_here(told["inputs"], Path(told["storage"]))]


def _of_all(faults: list[str]) -> list[str]:
    """The faults of all nodes. No worker goes on before each has looked."""
    import torch.distributed as dist

    every: list[list[str]] = [[] for _ in range(dist.get_world_size())]
    dist.all_gather_object(every, faults)
    return [fault for some in every for fault in some]
