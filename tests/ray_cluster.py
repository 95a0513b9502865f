"""A Ray cluster of several nodes on this machine: real ones, each with a raylet of its own."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from getpass import getuser
from pathlib import Path
from typing import Any

import psutil

from endpoints import supervise

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

KERNELS = os.environ.get("TORCHINDUCTOR_CACHE_DIR") or str(
    Path(tempfile.gettempdir()) / f"torchinductor_{getuser()}"
)
"""Where torch keeps compiled kernels by default: with a new folder for temporary files each cluster
would compile them again, in its first requests.
"""

STORE = 80 * 2**20
"""Bytes of each node's object store."""


SHARED = "_AutoscalingCoordinatorActor"
"""Of the cluster and not of a job: Ray starts it with the first training, and it stays."""


class RayCluster:
    """Nodes by number; the first is the head, to which drivers of this machine connect."""

    def __init__(self, cluster: Any, nodes: list[Any], folder: str) -> None:
        self._cluster, self.nodes, self.folder = cluster, nodes, folder

    @property
    def address(self) -> str:
        """Where the head listens."""
        return str(self._cluster.address)

    def add_node(self, **options: Any) -> Any:
        """One more node, with Ray's own arguments of a node (num_cpus, resources).

        Tried again where it is not up after Ray's 30 s, as on a busy machine.
        """
        for last in (False, False, True):
            before = set(psutil.Process().children())
            try:
                with _files_in(self.folder):
                    self.nodes.append(self._cluster.add_node(**_options(options)))
                return self.nodes[-1]
            except Exception:
                for process in set(psutil.Process().children()) - before:
                    for one in [*process.children(recursive=True), process]:
                        one.kill()
                if last:
                    raise

    def kill_node(self, number: int) -> None:
        """End a node as a loss of power does: SIGKILL to its raylet and all that it started."""
        raylet = psutil.Process(raylet_of(self.nodes[number]))
        for process in [raylet, *raylet.children(recursive=True)]:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def processes(self, number: int) -> list[psutil.Process]:
        """What a node runs: Ray's agents, and the workers."""
        try:
            return psutil.Process(raylet_of(self.nodes[number])).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def actors(self) -> list[psutil.Process]:
        """The processes of all nodes that hold an actor now, as Ray titles them."""
        return [
            process
            for number in range(len(self.nodes))
            for process in self.processes(number)
            if (title := " ".join(command_of(process)).strip()).startswith("ray::")
            and not title.endswith(("Agent", SHARED))
            and "IDLE" not in title
        ]


@contextmanager
def ray_cluster(*nodes: dict[str, Any]) -> Iterator[RayCluster]:
    """A cluster with a node for each of the given arguments (num_cpus, resources), all of it gone
    after the block. Nothing of it listens on another interface than 127.0.0.1.
    """
    folder = tempfile.mkdtemp(prefix="r", dir="/tmp")  # sockets below it have 107 bytes at most
    os.makedirs(f"{folder}/ray")
    started: set[psutil.Process] = set()
    cluster = None
    try:
        with _files_in(folder):
            from ray.cluster_utils import Cluster

            cluster = Cluster()
        ours = RayCluster(cluster, [], folder)
        ours.add_node(**{"include_dashboard": False, **nodes[0]})
        for options in nodes[1:]:
            ours.add_node(**options)
        yield ours
        for number in range(len(ours.nodes)):
            started |= set(ours.processes(number))
    finally:
        if cluster is not None:
            cluster.shutdown()
        for process in started:
            if process.is_running():  # the same process, and not another of its number
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _files_in(folder: str) -> Iterator[None]:
    """What is started in the block keeps its temporary files there, and notes of the cluster.

    Its workers are no nicer than other processes: Ray's own 15 starves them on a busy machine.
    """
    given = {"TMPDIR": folder, "RAY_TMPDIR": folder, "RAY_worker_niceness": "0"}
    given["TORCHINDUCTOR_CACHE_DIR"] = KERNELS
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def raylet_of(node: Any) -> int:
    """The process id of a node's raylet."""
    (raylet,) = node.all_processes["raylet"]
    return int(raylet.process.pid)


def _options(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "num_cpus": 1,
        "num_gpus": 0,
        "object_store_memory": STORE,
        "node_ip_address": "127.0.0.1",
        **given,
    }


def kill_driver(module: str) -> None:
    """SIGKILL to what runs the module below this process, and not to its supervisor. (A driver that
    starts something is there twice for a moment.)
    """
    for process in psutil.Process().children(recursive=True):
        command = command_of(process)
        if module in command and supervise.__file__ not in command:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def command_of(process: psutil.Process) -> list[str]:
    """How it was called; nothing of one that has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []
